own_daemon
docker run -d --name lives -p 127.0.0.1:0:80 "$IMAGE" sh -c 'echo up > /tmp/index.html; httpd -p 80 -h /tmp; while :; do date +%s.%N; sleep 0.2; done' >/dev/null
docker run -d --name ends "$IMAGE" sh -c 'sleep 1; exit 5' >/dev/null
address=$(docker port lives 80)
pid=$(inspect '{{.State.Pid}}' lives)
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
kill -0 "$pid" || fail "the container died with the daemon"
sleep 1.5
start_own_daemon
expect_eq "$(inspect '{{.State.Running}} {{.State.Pid}}' lives)" "true $pid"
expect_eq "$(inspect '{{.State.ExitCode}}' ends)" 5
lines=$(docker logs lives | wc -l)
[ "$lines" -ge 6 ] || fail "log has $lines lines"
expect_eq "$(curl -fs "http://$address/")" up
expect_eq "$(docker exec lives echo in)" in
docker stop -t 0 lives
