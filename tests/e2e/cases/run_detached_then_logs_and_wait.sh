id=$(docker run -d --name "$N" "$IMAGE" sh -c 'echo out; echo err >&2; exit 3')
expect_eq "$(docker wait "$N")" 3
expect_eq "$(docker logs "$N" 2>/dev/null)" out
expect_eq "$(docker logs "$N" 2>&1 >/dev/null)" err
expect_eq "$(inspect '{{.State.ExitCode}} {{.State.Status}}' "$id")" "3 exited"
expect_contains "$(docker logs -t "$N" 2>/dev/null)" "Z out"
docker rm "$N"
