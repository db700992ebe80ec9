# Daemons killed with -9 under containers that write: no byte of output is lost, exit codes are there, and what
# still runs is found again.
own_daemon
work='i=0; until [ -e /stop ]; do i=$((i+1)); echo "out $i"; echo "err $i" >&2; done; echo "last $i"; exit 7'
for driver in json-file local; do
  docker run -d --name "$driver" --log-driver $driver "$IMAGE" sh -c "$work" >/dev/null
done
docker run -d --name ends --log-driver local "$IMAGE" sh -c 'until [ -e /go ]; do :; done; seq 20000; exit 3' >/dev/null
pids=$(docker inspect -f '{{.State.Pid}}' json-file local)
for round in 1 2 3; do
  # A reader that is cut off, too.
  docker logs -f local >/dev/null 2>&1 &
  follower=$!
  eventually sh -c 'docker logs --tail 1 json-file 2>&1 | grep -q .'
  # The last command that this daemon is given; its container works and ends without one.
  [ $round != 2 ] || docker exec ends touch /go || [ $? = 137 ] # its end may come first
  kill -9 "$OWN_PID"
  wait "$OWN_PID" 2>/dev/null || true
  wait $follower 2>/dev/null || true
  start_own_daemon
  expect_eq "$(docker inspect -f '{{.State.Pid}}' json-file local)" "$pids" "round $round"
done
eventually sh -c 'docker inspect -f "{{.State.Status}}" ends | grep -q exited'
expect_eq "$(inspect '{{.State.ExitCode}}' ends)" 3
seq 20000 >expected
docker logs ends >got
cmp expected got || fail "output of ends differs"
for driver in json-file local; do
  docker exec "$driver" touch /stop || [ $? = 137 ] # here, too
  expect_eq "$(docker wait "$driver")" 7
  docker logs "$driver" >out 2>err
  last=$(tail -1 out | cut -d' ' -f2)
  { seq -f 'out %.0f' "$last"; echo "last $last"; } | cmp - out || fail "$driver: stdout is not whole"
  seq -f 'err %.0f' "$last" | cmp - err || fail "$driver: stderr is not whole"
  echo "$driver: $last lines"
done
