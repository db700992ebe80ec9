mkdir dir
echo host > dir/f
expect_eq "$(docker run --rm -v "$PWD/dir:/d" "$IMAGE" cat /d/f)" host
docker run --rm -v "$PWD/dir:/d" "$IMAGE" sh -c 'echo from-container > /d/g'
expect_eq "$(cat dir/g)" from-container
expect_contains "$(docker run --rm --tmpfs /t:size=1m "$IMAGE" df /t)" tmpfs
expect_exit 1 docker run --rm --read-only "$IMAGE" touch /x
docker run --rm --read-only --tmpfs /t "$IMAGE" touch /t/x
expect_exit 125 docker run --rm --mount type=bind,src="$PWD/missing",dst=/m "$IMAGE" true
expect_contains "$OUT" "bind source path does not exist"
