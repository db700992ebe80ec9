docker tag "$IMAGE" "$N:1"
expect_eq "$(docker images --format '{{.Repository}}:{{.Tag}}' "$N")" "$N:1"
expect_eq "$(docker image inspect -f '{{.Id}}' "$N:1")" "$(docker image inspect -f '{{.Id}}' "$IMAGE")"
expect_contains "$(docker history "$N:1")" "IMAGE"
expect_exit 1 "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" rmi --platform '' "$N:1"
expect_contains "$OUT" 'invalid platform ""'
expect_contains "$(docker rmi "$N:1")" "Untagged: $N:1"
expect_exit 1 docker rmi "$N:1"
expect_contains "$OUT" "No such image"
docker image inspect "$IMAGE" >/dev/null
