# Detach keys that cannot be read leave no container behind.
skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
expect_exit 125 skiff run --rm --name "$N" --detach-keys foo "$IMAGE" true
expect_contains "$OUT" "invalid detach keys: Unknown character: 'foo'"
expect_exit 1 docker container inspect "$N"
