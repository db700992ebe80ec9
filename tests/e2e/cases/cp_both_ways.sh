docker run -d --name "$N" "$IMAGE" sleep 100
mkdir -p tree/sub
echo one > tree/a
echo two > tree/sub/b
docker cp tree "$N:/tmp/copied"
expect_eq "$(docker exec "$N" cat /tmp/copied/sub/b)" two
docker cp "$N:/tmp/copied/a" back
expect_eq "$(cat back)" one
docker stop -t 0 "$N"
docker cp "$N:/tmp/copied" out
expect_eq "$(cat out/sub/b)" two
docker cp "$N:/tmp/copied/a" - | tar -tf - | has -x a
expect_exit 1 docker cp "$N:/no/such" x
docker rm "$N"
