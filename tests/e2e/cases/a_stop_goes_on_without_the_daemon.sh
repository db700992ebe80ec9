# A stop whose daemon is killed in the middle: the monitor sends KILL when the time is over, and the next
# daemon knows that it was by hand.
own_daemon
docker run -d --name deaf --restart unless-stopped "$IMAGE" \
  sh -c 'trap "echo asked" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null
eventually sh -c 'docker logs deaf | grep -q ready'
pid=$(inspect '{{.State.Pid}}' deaf)
docker stop -t 3 deaf >/dev/null 2>&1 &
stopping=$!
eventually sh -c 'docker logs deaf | grep -q asked'
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
wait "$stopping" 2>/dev/null || true
eventually sh -c "! kill -0 $pid"
start_own_daemon
# Its monitor may still be noting the end.
eventually eval '[ "$(inspect "{{.State.Status}} {{.State.ExitCode}}" deaf)" = "exited 137" ]'
expect_eq "$(inspect '{{.RestartCount}}' deaf)" 0
