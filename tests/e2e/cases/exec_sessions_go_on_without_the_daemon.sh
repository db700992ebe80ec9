# Exec sessions outlive a daemon that is killed, and the next one knows them.
own_daemon
api() { curl -sf --unix-socket "$OWN/skiff.sock" -H 'Content-Type: application/json' "$@"; }
session() { api "http://d/exec/$1/json"; }
begin() {
  local id
  id=$(api -d "$1" http://d/containers/stays/exec | jq -r .Id)
  api -d '{"Detach":true}' "http://d/exec/$id/start"
  echo "$id"
}
docker run -d --name stays "$IMAGE" sleep 1000 >/dev/null
docker run -d --name ends "$IMAGE" sh -c 'while [ ! -e /go ]; do sleep 0.1; done; exit 5' >/dev/null
goes_on=$(begin '{"Cmd":["sh","-c","while [ ! -e /go ]; do sleep 0.1; done; exit 9"],"User":"app","Tty":true,"DetachKeys":"ctrl-x"}')
over=$(begin '{"Cmd":["sh","-c","while [ ! -e /over ]; do sleep 0.1; done; rm /over; exit 7"]}')
told=$(begin '{"Cmd":["sh","-c","exit 4"]}')
eventually sh -c "curl -sf --unix-socket $OWN/skiff.sock http://d/exec/$told/json | grep -q '\"ExitCode\":4'"
pid=$(session "$goes_on" | jq .Pid)
before=$(session "$goes_on")
end=$(docker inspect -f '{{.State.Pid}}' ends)
root_of() { echo "$OWN/run/containers/$(inspect '{{.Id}}' "$1")/rootfs"; }
stays=$(root_of stays)
ends=$(root_of ends)
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
touch "$stays/over" "$ends/go"
eventually test ! -e "$stays/over"
eventually sh -c "! kill -0 $end"
start_own_daemon

# The monitors may still be noting these ends.
eventually eval '[ "$(session "$over" | jq .Running)" = false ] && [ "$(inspect "{{.State.Status}}" ends)" = exited ]'
expect_eq "$(session "$goes_on" | jq -cS .)" "$(jq -cS . <<<"$before")"
expect_eq "$(session "$goes_on" | jq -c '[.Running,.Pid,.ExitCode,.ProcessConfig.user,.DetachKeys]')" "[true,$pid,null,\"app\",\"ctrl-x\"]"
expect_eq "$(inspect '{{json .ExecIDs}}' stays)" "[\"$goes_on\"]"
api -X POST "http://d/exec/$goes_on/resize?h=33&w=99"
expect_eq "$(docker exec -u app stays stty -F /dev/pts/0 size)" "33 99"
expect_eq "$(session "$over" | jq -c '[.Running,.ExitCode,.Pid]')" '[false,7,0]'
expect_eq "$(session "$told" | jq -c '[.Running,.ExitCode]')" '[false,4]'
expect_exit 22 api -d '{"Detach":true}' "http://d/exec/$goes_on/start"

# What ended meanwhile is told once, with the time of its end.
ends_are_told() {
  events=$(docker events --since 0 --until "$(date +%s.%N)" --format '{{.Action}} {{.TimeNano}} {{.Actor.Attributes.execID}}{{.Actor.Attributes.exitCode}}')
  die=$(sed -n 's/^die \([0-9]*\) .*5$/\1/p' <<<"$events")
  [[ -n $die && $events = *"$over"* ]]
}
eventually ends_are_told
expect_not_contains "$events" "$told"
expect_eq "$die" "$(date -d "$(inspect '{{.State.FinishedAt}}' ends)" +%s%N)"

docker exec stays touch /go
eventually sh -c "curl -sf --unix-socket $OWN/skiff.sock http://d/exec/$goes_on/json | grep -q '\"ExitCode\":9'"
eventually eval '[ "$(inspect "{{json .ExecIDs}}" stays)" = null ]'
docker rm -f stays ends >/dev/null
expect_exit 22 session "$over"
