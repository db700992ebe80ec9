# A missing network or container is told as such: no client pulls the image over it.
expect_exit 125 docker run --rm --network nosuch-net "$IMAGE" true
expect_contains "$OUT" "network nosuch-net not found"
expect_not_contains "$OUT" "Unable to find image"
expect_exit 125 docker run --rm --volumes-from nosuch-container "$IMAGE" true
expect_contains "$OUT" "No such container: nosuch-container"
expect_not_contains "$OUT" "Unable to find image"
