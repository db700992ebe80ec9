# Options of volumes of the driver local: type, device and o are mounted while a container has the volume.
own_daemon
data() { inspect_volume '{{.Mountpoint}}' "$1"; }
inspect_volume() { docker volume inspect -f "$1" "$2"; }
mounted() { grep -q " $(data "$1") " "/proc/$OWN_PID/mountinfo"; }
run() { docker run --rm "$@"; }

# A directory of the host's.
mkdir host
echo there >host/f
docker volume create -o type=none -o o=bind -o "device=$PWD/host" bound >/dev/null
expect_eq "$(inspect_volume '{{json .Options}}' bound)" "{\"device\":\"$PWD/host\",\"o\":\"bind\",\"type\":\"none\"}"
expect_eq "$(run -v bound:/v "$IMAGE" sh -c 'cat /v/f; echo back >/v/g')" there
expect_eq "$(cat host/g)" back
! mounted bound || fail "it is mounted though nobody runs"
docker volume create -o type=none -o o=bind,ro -o "device=$PWD/host" read >/dev/null
expect_exit 1 run -v read:/v "$IMAGE" touch /v/h
expect_contains "$OUT" "Read-only file system"
# An empty one gets what the image has; a stopped container's is there for cp.
mkdir empty
docker create --name "$N" --mount "type=volume,source=made,target=/etc,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=$PWD/empty" "$IMAGE" true >/dev/null
grep -q root empty/passwd
docker cp host/f "$N:/etc/copied"
expect_eq "$(cat empty/copied)" there
! mounted made || fail "it is mounted though nobody runs"
docker rm "$N" >/dev/null

# A tmpfs is one for all who have it at a time, also over the end of a daemon.
docker volume create -o type=tmpfs -o device=tmpfs -o o=size=2m,mode=1770,uid=1000 memory >/dev/null
docker run -d --name "$N-a" -v memory:/m "$IMAGE" sleep 1000 >/dev/null
docker run -d --name "$N-b" -v memory:/other "$IMAGE" sleep 1000 >/dev/null
docker exec -u app "$N-a" sh -c 'echo shared >/m/f'
expect_eq "$(docker exec "$N-b" cat /other/f)" shared
expect_eq "$(docker exec "$N-b" stat -c '%a %u' /other)" "1770 1000"
expect_exit 1 docker exec "$N-a" dd if=/dev/zero of=/m/big bs=1M count=3
docker exec "$N-a" rm /m/big
kill -9 "$OWN_PID"
wait "$OWN_PID" || true
start_own_daemon
expect_eq "$(run -v memory:/m "$IMAGE" cat /m/f)" shared
docker rm -f "$N-a" >/dev/null
expect_eq "$(run -v memory:/m "$IMAGE" cat /m/f)" shared
expect_exit 1 docker volume rm memory
docker rm -f "$N-b" >/dev/null
! mounted memory || fail "it is mounted though nobody runs"
expect_eq "$(run -v memory:/m "$IMAGE" ls /m)" ""
# What ended while there was no daemon leaves none.
docker run -d --name "$N-c" -v memory:/m "$IMAGE" sleep 1000 >/dev/null
pid=$(inspect '{{.State.Pid}}' "$N-c")
kill -9 "$OWN_PID"
wait "$OWN_PID" || true
kill -9 "$pid"
start_own_daemon
eventually eval '! mounted memory'
docker rm -f "$N-c" >/dev/null
docker volume rm memory read bound made >/dev/null
expect_eq "$(cat host/f)" there

# In docker's words.
expect_exit 1 docker volume create -o what=x
expect_contains "$OUT" 'invalid option: "what"'
expect_exit 1 docker volume create -o type=tmpfs
expect_contains "$OUT" 'missing required option: "device"'
expect_exit 1 docker volume create -o device=/x
expect_contains "$OUT" 'missing required option: "type"'
expect_exit 1 docker volume create -o size=1m
expect_contains "$OUT" 'quota size requested but no quota support'
docker volume create -o type=none -o o=bind -o "device=$PWD/none" none >/dev/null
expect_exit 125 run --mount type=volume,source=none,target=/v,volume-nocopy "$IMAGE" true
expect_contains "$OUT" "error while mounting volume '$(data none)': failed to mount local volume: mount $PWD/none:$(data none)"
docker volume rm none >/dev/null
