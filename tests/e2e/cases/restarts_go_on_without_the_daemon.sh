# Restart policies are followed while no daemon lives: same files, same address, same published port; the next
# daemon knows counts and codes.
own_daemon
run() { docker run -d "$@" >/dev/null; }
# The container's end may come before that of the command that asks for it.
touch_in() { docker exec "$1" touch "$2" || [ $? = 137 ]; }
log_of() { cat "$OWN/root/containers/$1/$1-json.log"; }
# Each run of `web` serves its own number and ends when it finds /stop.
run --name web --restart always -p 127.0.0.1:0:80 "$IMAGE" sh -c '
  echo run >>/runs; mkdir -p /w; wc -l </runs >/w/index.html; httpd -p 80 -h /w; echo "run $(cat /w/index.html)"
  until [ -e /stop ]; do sleep 0.05; done; rm /stop; exit 4'
run --name beside --restart always --network container:web "$IMAGE" sh -c '
  echo "beside $(wget -q -O - http://127.0.0.1/)"; until [ -e /stop ]; do sleep 0.05; done; rm /stop; exit 1'
run --name fails --restart on-failure:2 "$IMAGE" sh -c 'echo try; until [ -e /go ]; do sleep 0.05; done; exit 6'
run --name killed --restart unless-stopped "$IMAGE" sh -c 'echo up; exec sleep 1000'
address=$(docker port web 80)
ip=$(inspect '{{.NetworkSettings.IPAddress}}' web)
web=$(inspect '{{.Id}}' web)
beside=$(inspect '{{.Id}}' beside)
fails=$(inspect '{{.Id}}' fails)
killed=$(inspect '{{.Id}}' killed)
killed_pid=$(inspect '{{.State.Pid}}' killed)
eventually sh -c 'docker logs web | grep -q "run 1" && docker logs beside | grep -q beside && docker logs killed | grep -q up'
export -f log_of
export OWN

# The last things that this daemon is asked for.
touch_in fails /go
touch_in web /stop
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
kill -9 "$killed_pid"
eventually bash -c "log_of $web | grep -q 'run 2'"
eventually bash -c "[ \$(log_of $killed | grep -c up) = 2 ]"
eventually bash -c "[ \$(log_of $fails | grep -c try) = 3 ]"
eventually grep -q '"restarting":false' "$OWN/root/containers/$fails/exit.json"
# Rules of published ports are the kernel's.
expect_eq "$(curl -fs "http://$address/")" 2

start_own_daemon
expect_eq "$(inspect '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}' web)" "running 1 4"
expect_eq "$(inspect '{{.NetworkSettings.IPAddress}}' web)" "$ip"
expect_eq "$(inspect '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}' fails)" "exited 2 6"
expect_eq "$(inspect '{{.State.Status}} {{.RestartCount}}' killed)" "running 1"
[ "$(inspect '{{.State.Pid}}' killed)" != "$killed_pid" ] || fail "an old process number is told"
# The events of that time have their own times.
time_of() { docker events --since 0 --until "$(date +%s.%N)" --filter container=killed --filter "event=$1" --format '{{.TimeNano}}'; }
expect_eq "$(time_of die)" "$(date -d "$(inspect '{{.State.FinishedAt}}' killed)" +%s%N)"
expect_eq "$(time_of start)" "$(date -d "$(inspect '{{.State.StartedAt}}' killed)" +%s%N)"
expect_eq "$(docker exec killed echo in)" in
expect_contains "$(docker ps --filter name=killed)" "Up"
expect_eq "$(curl -fs "http://$address/")" 2

# What has joined another's network finds it again after that one's restart, and after its own.
touch_in beside /stop
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
eventually bash -c "log_of $beside | grep -q 'beside 2'"
start_own_daemon
expect_eq "$(inspect '{{.State.Status}} {{.RestartCount}}' beside)" "running 1"

# This daemon sees further restarts, and stops what waits for one.
touch_in web /stop
eventually sh -c '[ "$(docker inspect -f "{{.State.Status}} {{.RestartCount}}" web)" = "running 2" ]'
eventually sh -c 'docker logs web | grep -q "run 3"'
events=$(docker events --since 1 --until "$(($(date +%s) + 1))" --filter container=web --format '{{.Action}}')
expect_contains "$events" "die
start"
docker stop -t 0 killed >/dev/null
expect_eq "$(inspect '{{.State.Status}} {{.RestartCount}}' killed)" "exited 1"
run --name loops --restart always "$IMAGE" sh -c 'exit 3'
eventually sh -c '[ "$(docker inspect -f "{{.State.Status}}" loops)" = restarting ]'
docker stop loops >/dev/null
expect_eq "$(inspect '{{.State.Status}} {{.State.ExitCode}}' loops)" "exited 3"
docker start loops >/dev/null
eventually sh -c 'docker exec loops true 2>&1 | grep -q "is restarting, wait until the container is running"'
docker rm -f loops >/dev/null

# A changed policy holds without a daemon, too.
docker update --restart no web >/dev/null
touch_in web /stop
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
eventually grep -q '"restarting":false' "$OWN/root/containers/$web/exit.json"
start_own_daemon
expect_eq "$(inspect '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}' web)" "exited 2 4"
