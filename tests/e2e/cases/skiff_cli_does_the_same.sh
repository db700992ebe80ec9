skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
expect_eq "$(skiff run --rm "$IMAGE" echo from-skiff)" from-skiff
expect_exit 5 skiff run --rm "$IMAGE" sh -c 'exit 5'
expect_exit 125 skiff run --no-such-flag x
expect_contains "$OUT" "unknown flag: --no-such-flag"
skiff run -d --name "$N" "$IMAGE" sleep 100
expect_eq "$(skiff ps --filter "name=$N" --format '{{.Names}}')" "$N"
expect_eq "$(skiff ps --filter "name=$N" --format '{{.ID}} {{.Status}}' | cut -d' ' -f1)" "$(docker ps -q --filter "name=$N")"
expect_eq "$(skiff exec "$N" echo inside)" inside
expect_eq "$(skiff inspect -f '{{.State.Running}}' "$N")" true
expect_eq "$(diff <(skiff inspect "$N" | jq -S .) <(docker inspect "$N" | jq -S .) | wc -l)" 0
skiff rm -f "$N"
expect_exit 1 skiff no-such-command
for command in run build pull push images ps logs; do expect_contains "$(skiff $command --help)" Usage; done
