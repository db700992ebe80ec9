# Daemons killed with -9 while they start a container, at each step of it: the next one finds it running,
# or ended with nothing left of the attempt, and starts it as its policy says.
own_daemon
steps='bundle/config.json monitor/state monitor/state/ID/config.json monitor/state/ID/state.json monitor/monitor.sock monitor/pid'
for policy in no always; do
  for step in $steps; do
    for network in none bridge; do
      id=$(docker create --restart $policy --network $network "$IMAGE" sleep 1000)
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
      ! find /sys/fs/cgroup -type d -name "$id" 2>/dev/null | grep . || fail "$what: a cgroup is left"
      ! pgrep -f "skiff-monitor $id" || fail "$what: a monitor is left"
    done
  done
done
