docker run -d --name "$N" "$IMAGE" sleep 100
expect_exit 1 docker rm "$N"
expect_contains "$OUT" "container is running"
docker rm -f "$N"
expect_exit 1 docker rm "$N"
expect_contains "$OUT" "No such container"
