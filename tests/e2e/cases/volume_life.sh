docker volume create "$N" >/dev/null
docker run --rm -v "$N:/data" "$IMAGE" sh -c 'echo kept > /data/f'
expect_eq "$(docker run --rm -v "$N:/data:ro" "$IMAGE" cat /data/f)" kept
expect_exit 1 docker run --rm -v "$N:/data:ro" "$IMAGE" touch /data/g
expect_eq "$(docker volume ls -q --filter "name=$N")" "$N"
expect_contains "$(docker volume inspect "$N")" '"Driver": "local"'
docker create --name "$N" -v "$N:/data" "$IMAGE" true >/dev/null
expect_exit 1 docker volume rm "$N"
expect_contains "$OUT" "volume is in use"
docker rm "$N"
docker volume rm "$N"
expect_exit 1 docker volume inspect "$N"
