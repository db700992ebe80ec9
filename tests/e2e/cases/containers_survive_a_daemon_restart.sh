own_daemon
docker run -d --name lives -p 127.0.0.1:0:80 "$IMAGE" sh -c '
  echo up > /tmp/index.html; httpd -p 80 -h /tmp; i=0; while :; do i=$((i+1)); echo $i; echo $i > /lines; sleep 0.2; done' >/dev/null
docker run -d --name ends "$IMAGE" sh -c 'sleep 1; exit 5' >/dev/null
address=$(docker port lives 80)
pid=$(inspect '{{.State.Pid}}' lives)
end=$(inspect '{{.State.Pid}}' ends)
before=$(docker logs lives | wc -l)
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
kill -0 "$pid" || fail "the container died with the daemon"
eventually sh -c "[ \$(cat /proc/$pid/root/lines) -ge $((before + 6)) ]"
[ "$end" = 0 ] || eventually sh -c "! kill -0 $end"
start_own_daemon
expect_eq "$(inspect '{{.State.Running}} {{.State.Pid}}' lives)" "true $pid"
eventually eval '[ "$(inspect "{{.State.ExitCode}}" ends)" = 5 ]'
logs_are_whole() { docker logs lives >lines && head -n $((before + 6)) lines | cmp - <(seq $((before + 6))); }
(eventually logs_are_whole) || fail "lines of the log are missing: $(cat lines)"
expect_eq "$(curl -fs "http://$address/")" up
expect_eq "$(docker exec lives echo in)" in
docker stop -t 0 lives
