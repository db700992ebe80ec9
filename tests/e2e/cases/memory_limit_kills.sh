expect_exit 137 docker run --name "$N" --memory 24m --memory-swap 24m "$IMAGE" sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1; x=a; while :; do x=$x$x; done'
expect_eq "$(inspect '{{.State.OOMKilled}}' "$N")" true
docker rm "$N"
