# A process of the container that the kernel kills for want of memory, while the container goes on.
own_daemon
docker events --since 0 --filter event=oom --format '{{.Actor.Attributes.name}}' >events &
events=$!
eat='tail /dev/zero'
docker run -d --name eats --memory 16m --memory-swap 16m "$IMAGE" sh -c "while :; do [ ! -e /eat ] || { rm /eat; sh -c '$eat'; }; sleep 0.1; done" >/dev/null
expect_eq "$(inspect '{{.State.OOMKilled}}' eats)" false
docker exec eats touch /eat
eventually grep -q eats events
expect_eq "$(inspect '{{.State.OOMKilled}} {{.State.Running}}' eats)" "true true"
docker exec eats touch /eat
eventually sh -c '[ "$(grep -c eats events)" = 2 ]'

# A run begins without it, and what an earlier daemon has told is not told anew.
docker restart -t 0 eats >/dev/null
expect_eq "$(inspect '{{.State.OOMKilled}}' eats)" false
docker exec eats touch /eat
eventually sh -c '[ "$(grep -c eats events)" = 3 ]'
kill -9 "$OWN_PID"
wait "$OWN_PID" "$events" 2>/dev/null || true
start_own_daemon
expect_eq "$(inspect '{{.State.OOMKilled}}' eats)" true
docker stop -t 0 eats
expect_eq "$(docker events --since 0 --until "$(date +%s.%N)" --filter event=oom)" ''
expect_eq "$(inspect '{{.State.OOMKilled}}' eats)" true

# What happens without a daemon the next one tells.
docker run -d --name late --memory 16m --memory-swap 16m "$IMAGE" sh -c "while [ ! -e /eat ]; do sleep 0.1; done; sh -c '$eat'; : >/over; sleep 1000" >/dev/null
root=$OWN/run/containers/$(inspect '{{.Id}}' late)/rootfs
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
touch "$root/eat"
eventually test -e "$root/over"
start_own_daemon
eventually sh -c '[ "$(docker inspect -f "{{.State.OOMKilled}}" late)" = true ]'
docker rm -f eats late >/dev/null
