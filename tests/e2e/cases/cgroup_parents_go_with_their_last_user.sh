# `--cgroup-parent`: what was not there goes with the last container or step in it, also where the daemon was
# killed meanwhile; what was there stays.
own_daemon
found() { find /sys/fs/cgroup -maxdepth 4 -path "*/$N-*" -name "$1"; }
expect_left() { expect_eq "$(find /sys/fs/cgroup -maxdepth 2 -name "$N-*")" "$1"; }

docker run --rm --cgroup-parent "/$N-own/in" "$IMAGE" true
expect_left ""
hierarchy=$(dirname "$(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs | sort | head -n 1)")
mkdir "$hierarchy/$N-there"
docker run --rm --cgroup-parent "/$N-there/in" "$IMAGE" true
expect_left "$hierarchy/$N-there"
rmdir "$hierarchy/$N-there"

# A container that is there before and after a restart of the daemon.
for signal in TERM KILL; do
  id=$(docker run -d --cgroup-parent "/$N-run/in" "$IMAGE" sleep 1234.75)
  kill -s $signal "$OWN_PID"
  wait "$OWN_PID" || true
  start_own_daemon
  [ -n "$(found "$id")" ] || fail "the container has no cgroup of that name"
  docker rm -f "$id" >/dev/null
  expect_left ""
done

# A build of which the daemon does not see the end: its step goes with the daemon, what is above with the next one.
mkdir context
printf 'FROM %s\nRUN echo begun; sleep 1234.75\n' "$IMAGE" >context/Dockerfile
"$SKIFF_BIN/skiff" build --cgroup-parent "/$N-build/in" context >log 2>&1 &
client=$!
eventually grep -q '^begun' log
kill -KILL "$OWN_PID"
wait "$OWN_PID" || true
! wait $client || fail "the build went on: $(cat log)"
[ -n "$(found in)" ] || fail "the daemon has removed them before it was killed"
start_own_daemon
expect_left ""
