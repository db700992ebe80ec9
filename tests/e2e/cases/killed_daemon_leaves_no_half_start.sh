# Daemons killed with -9 while they start a container, at each step of it: the next one finds it running,
# or ended with nothing left of the attempt, and starts it as its policy says.
own_daemon

monitor_ends() { ! pgrep -f "skiff-monitor $id" >/dev/null; }
# nothing_left WHAT ID
nothing_left() {
  ! find /sys/fs/cgroup -type d -name "$2" 2>/dev/null | grep . || fail "$1: a cgroup is left"
  # It outlives the removal of its container by a moment.
  (eventually monitor_ends) || fail "$1: a monitor is left"
  ! grep -F "$OWN/run/containers/$2" /proc/self/mountinfo || fail "$1: a mount is left"
}

# What is made ahead of a start ends with the daemon, and the next one knows nothing of it.
id=$(docker create "$IMAGE" sleep 1000)
eventually pgrep -f "skiff-monitor $id"
# The number of the host's end of its interface.
waiting_link() {
  link=$(nsenter --net --target "$(pgrep -n -f "skiff-monitor $id")" ip -o link show eth0) || return
  link=${link#*@if}
  link=${link%%:*}
}
eventually waiting_link
ip -o link | has "^$link: " || fail "link $link is not on the host"
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
start_own_daemon
eventually monitor_ends
link_ends() { ! ip -o link | has "^$link: "; }
eventually link_ends
nothing_left "made ahead of a start" "$id"
expect_eq "$(inspect '{{.State.Status}}' "$id")" created
docker start "$id" >/dev/null
docker exec "$id" true
docker rm -f "$id" >/dev/null

# Where something is bound into the container nothing of a start is made ahead.
mkdir bound
steps='bundle/config.json monitor/state monitor/state/ID/config.json monitor/state/ID/state.json monitor/monitor.sock monitor/pid'
for policy in no always; do
  for step in $steps; do
    for network in none bridge; do
      id=$(docker create --restart $policy --network $network -v "$PWD/bound:/bound" "$IMAGE" sleep 1000)
      docker start "$id" >/dev/null 2>&1 &
      starter=$!
      marker=$OWN/run/containers/$id/${step//ID/$id}
      until [ -e "$marker" ] || ! kill -0 $starter 2>/dev/null; do :; done
      kill -9 "$OWN_PID"
      wait "$OWN_PID" 2>/dev/null || true
      wait $starter || true
      start_own_daemon
      what="policy $policy, network $network, killed at $step"
      # Where the record was not saved yet it was never started, as far as anybody knows.
      [ $policy = no ] || eventually sh -c "docker inspect -f '{{.State.Status}}' $id | grep -qE 'running|created'"
      case $(inspect '{{.State.Status}}' "$id") in
        running) docker exec "$id" true || fail "$what: it says running, and runs no program" ;;
        created | exited) docker start "$id" >/dev/null || fail "$what: it cannot be started afterwards" ;;
        *) fail "$what: $(inspect '{{json .State}}' "$id")" ;;
      esac
      [ $network = none ] || expect_contains "$(docker exec "$id" ip -o link)" eth0
      docker rm -f "$id" >/dev/null
      nothing_left "$what" "$id"
    done
  done
done
