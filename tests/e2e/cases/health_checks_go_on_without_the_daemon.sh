# Health checks go on while no daemon lives, and the next one shows what they found.
own_daemon
docker run -d --name sick --health-cmd 'echo "looked at $(cat /probe)"; test ! -e /ill' --health-interval 200ms \
  --health-retries 2 "$IMAGE" sh -c 'echo one >/probe; exec sleep 1000' >/dev/null
docker run -d --name ends --health-cmd 'echo looked; touch /looked' --health-interval 100ms "$IMAGE" \
  sh -c 'until [ -e /go ] && [ -e /looked ]; do sleep 0.05; done; exit 5' >/dev/null
status() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]; }
export -f status
eventually bash -c 'status sick healthy && status ends healthy'
monitor=$OWN/run/containers/$(inspect '{{.Id}}' sick)/monitor
end=$(inspect '{{.State.Pid}}' ends)
docker exec sick sh -c 'touch /ill; echo two >/probe'
docker exec ends touch /go || [ $? = 137 ] # its end may come first
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
eventually grep -q '"status":"unhealthy"' "$monitor/health.json"
eventually sh -c "[ \$(grep -o 'looked at two' $monitor/health.json | wc -l) = 5 ]"
eventually sh -c "! kill -0 $end"
start_own_daemon
expect_eq "$(inspect '{{.State.Health.Status}} {{len .State.Health.Log}}' sick)" "unhealthy 5"
expect_eq "$(inspect '{{(index .State.Health.Log 0).ExitCode}} {{(index .State.Health.Log 0).Output}}' sick)" "1 looked at two"
expect_contains "$(docker ps --filter name=sick)" "(unhealthy)"
# Of one that has ended, too.
eventually eval '[ "$(inspect "{{.State.Status}}" ends)" = exited ]'
expect_eq "$(inspect '{{.State.Status}} {{.State.ExitCode}} {{.State.Health.Status}}' ends)" "exited 5 healthy"
expect_eq "$(inspect '{{(index .State.Health.Log 0).Output}}' ends)" "looked"
# The event is this daemon's.
docker exec sick rm /ill
eventually bash -c 'status sick healthy'
expect_contains "$(docker events --since 1 --until "$(($(date +%s) + 1))" --filter container=sick --format '{{.Action}}')" \
  "health_status: healthy"
