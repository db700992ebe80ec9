expect_exit 1 docker start no-such-container
expect_contains "$OUT" "No such container: no-such-container"
expect_exit 1 docker logs no-such-container
expect_exit 1 docker volume rm no-such-volume
expect_contains "$OUT" "no such volume"
expect_exit 1 docker network rm no-such-network
expect_exit 1 docker tag no-such-image x
expect_exit 125 docker run --rm "BAD NAME" true
expect_contains "$OUT" "invalid reference format"
expect_exit 125 docker run --rm --cap-add NO_SUCH "$IMAGE" true
expect_exit 125 docker run --rm --memory 1 "$IMAGE" true
expect_contains "$OUT" "Minimum memory limit"
