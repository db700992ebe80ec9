# --ipc: whose shared memory and message queues a container has, also after others began anew.
own_daemon
ipc_of() { docker exec "$1" readlink /proc/self/ns/ipc; }
shm_of() { docker exec "$1" sh -c 'cat /dev/shm/* 2>/dev/null'; }
donor() { docker run -d --name "$1" --ipc "$2" --shm-size 8m "${@:3}" "$IMAGE" sh -c 'while :; do sleep 0.1; [ ! -e /end ] || { rm /end; exit 1; }; done' >/dev/null; }

donor lends shareable --restart on-failure
donor keeps private
donor has-none none
expect_eq "$(inspect '{{.HostConfig.IpcMode}}' has-none)" none

docker run -d --name joins --ipc container:lends "$IMAGE" sleep 1000 >/dev/null
expect_eq "$(inspect '{{.HostConfig.IpcMode}}' joins)" container:lends
expect_eq "$(ipc_of joins)" "$(ipc_of lends)"
docker exec joins sh -c 'echo one >/dev/shm/f'
expect_eq "$(shm_of lends)" one
expect_eq "$(docker exec joins sh -c 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2; stat -c "%a %u" /dev/shm')" "8192
1777 0"
# One that has joined lends what it has.
expect_eq "$(docker run --rm --ipc container:joins "$IMAGE" cat /dev/shm/f)" one

for other in keeps has-none; do
  expect_exit 125 docker run --rm --ipc "container:$other" "$IMAGE" true
  expect_contains "$OUT" 'non-shareable IPC (hint: use IpcMode:shareable for the donor container)'
done
expect_exit 125 docker run --rm --ipc container: "$IMAGE" true
expect_exit 125 docker run --rm --ipc friendly "$IMAGE" true
expect_contains "$OUT" 'invalid IPC mode: friendly'
docker exec has-none test ! -e /dev/shm
docker exec keeps sh -c 'grep -q " /dev/shm tmpfs" /proc/mounts'

# What the host has: its queues may be mounted nowhere.
expect_eq "$(docker run --rm --ipc host "$IMAGE" readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"
echo host >"/dev/shm/$N"
expect_eq "$(docker run --rm --ipc host "$IMAGE" cat "/dev/shm/$N")" host
docker run -d --name of-host --ipc host "$IMAGE" sleep 1000 >/dev/null
expect_eq "$(docker run --rm --ipc container:of-host "$IMAGE" cat "/dev/shm/$N")" host
rm "/dev/shm/$N"

# Each run has an empty one, which those who start after it find.
docker exec lends touch /end || [ $? = 137 ] # its end may come first
eventually sh -c '[ "$(docker inspect -f "{{.RestartCount}} {{.State.Status}}" lends)" = "1 running" ]'
expect_eq "$(shm_of lends)" ''
expect_eq "$(shm_of joins)" one
docker exec lends sh -c 'echo two >/dev/shm/f'
docker restart -t 0 joins >/dev/null
expect_eq "$(ipc_of joins)" "$(ipc_of lends)"
expect_eq "$(shm_of joins)" two

# Without the daemon, too.
kill -9 "$OWN_PID"
wait "$OWN_PID" 2>/dev/null || true
start_own_daemon
expect_eq "$(docker run --rm --ipc container:lends "$IMAGE" cat /dev/shm/f)" two
docker restart -t 0 lends >/dev/null
docker exec lends sh -c 'echo three >/dev/shm/f'
docker restart -t 0 joins >/dev/null
expect_eq "$(shm_of joins)" three
docker stop -t 0 lends >/dev/null
expect_exit 1 docker restart -t 0 joins
expect_contains "$OUT" 'failed to join IPC namespace'
docker rm -f lends joins keeps has-none of-host >/dev/null
! grep "$OWN/run/containers" /proc/mounts || fail "mounts are left"
