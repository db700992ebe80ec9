docker create --name "$N" "$IMAGE" true >/dev/null
expect_exit 1 docker create --name "$N" "$IMAGE" true
expect_contains "$OUT" "is already in use by container"
docker rename "$N" "$N-b"
docker rm "$N-b"
