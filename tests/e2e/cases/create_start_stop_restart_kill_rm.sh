docker create --name "$N" "$IMAGE" sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
expect_eq "$(inspect '{{.State.Status}}' "$N")" created
docker start "$N"
expect_eq "$(inspect '{{.State.Running}}' "$N")" true
eventually sh -c "docker logs $N | grep -q ready"
docker stop -t 60 "$N"
expect_eq "$(inspect '{{.State.ExitCode}}' "$N")" 9
docker restart -t 1 "$N"
expect_eq "$(inspect '{{.State.Running}}' "$N")" true
docker kill "$N"
expect_eq "$(inspect '{{.State.Running}}' "$N")" false
expect_eq "$(inspect '{{.State.ExitCode}}' "$N")" 137
expect_exit 1 docker kill "$N"
expect_contains "$OUT" "is not running"
docker rm "$N"
