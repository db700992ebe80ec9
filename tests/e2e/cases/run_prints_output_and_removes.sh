expect_eq "$(docker run --rm --name "$N" "$IMAGE" echo hello)" hello
expect_exit 1 docker inspect "$N"
expect_contains "$OUT" "No such object"
