# skiffd --userns-remap: root in a container is nobody outside; all that goes without it goes with it.
own_etc
echo 'lender:x:4321:4322::/:/bin/false' >>/etc/passwd
echo 'lender:x:4322:' >>/etc/group
printf 'lender:100000:1000\nlender:200000:64536\nskiff:500000:131072\n' >/etc/subuid
printf '4321:300000:65536\nskiff:500000:131072\n' >/etc/subgid

expect_exit 1 "$SKIFF_BIN/skiffd" --root own/root --run-dir own/run --socket own/s --userns-remap default
expect_contains "$OUT" 'no line of user dockremap in /etc/subuid'
expect_exit 1 "$SKIFF_BIN/skiffd" --root own/root --run-dir own/run --socket own/s --userns-remap lender:nogroup:x
expect_contains "$OUT" 'is not of the form'
SKIFFD_FLAGS='--userns-remap lender'
own_daemon
run() { docker run --rm "$@"; }

expect_contains "$(docker info -f '{{.SecurityOptions}}')" name=userns
expect_eq "$(run "$IMAGE" sh -c 'cat /proc/self/uid_map /proc/self/gid_map | tr -s " "')" \
  " 0 100000 1000
 1000 200000 64536
 0 300000 65536"
# What a container finds, and what it makes.
expect_eq "$(run "$IMAGE" stat -c '%u:%g' / /bin/busybox /etc/hosts /etc/resolv.conf /dev/shm /dev/pts /dev/mqueue | sort -u)" 0:0
expect_eq "$(run -u app "$IMAGE" sh -c 'echo mine >/dev/stdout; touch /tmp/f; stat -c %u:%g /tmp/f')" "mine
1000:1000"
expect_eq "$(run -t "$IMAGE" sh -c 'tty && test -w /dev/tty && echo ok' | tr -d '\r')" "/dev/pts/0
ok"
expect_eq "$(run --tmpfs /t --read-only "$IMAGE" sh -c 'touch /t/f && ! touch /f 2>/dev/null && stat -c %u /t/f')" 0
run --cap-add NET_ADMIN "$IMAGE" ip link add dummy0 type bridge
expect_exit 1 run --cap-add ALL --security-opt seccomp=unconfined "$IMAGE" mknod /null c 1 3

# Volumes have the same owners for everybody; binds are the host's.
mkdir -m 0777 bind
chmod 0777 bind
echo secret >bind/root
chmod 0600 bind/root
run -v vol:/v -v "$PWD/bind:/b" "$IMAGE" sh -c 'echo volume >/v/f; chown app /v/f; echo bind >/b/f; ! cat /b/root 2>/dev/null'
expect_eq "$(stat -c %u:%g bind/f)" 100000:300000
# What the host does not have is made for the container.
run -v "$PWD/made/deep:/m" "$IMAGE" touch /m/f
expect_eq "$(stat -c %u:%g made made/deep made/deep/f | sort -u)" 100000:300000
expect_eq "$(run -v vol:/v --userns host "$IMAGE" stat -c %u /v/f)" 1000
expect_eq "$(run -v vol:/v "$IMAGE" stat -c %u /v/f)" 1000
expect_eq "$(run --userns host "$IMAGE" cat /proc/self/uid_map | tr -s ' ')" " 0 0 4294967295"

# A running one, its files, and what becomes of them.
docker run -d --name "$N" --memory 64m -p 127.0.0.1::80 -v vol:/v "$IMAGE" sh -c 'touch /new; chown app:extra /new; mkdir /www; echo served >/www/f; exec httpd -f -h /www' >/dev/null
expect_eq "$(inspect '{{.HostConfig.UsernsMode}}' "$N")" ""
pid=$(inspect '{{.State.Pid}}' "$N")
expect_eq "$(stat -c %u:%g "/proc/$pid")" 100000:300000
eventually curl -sf "http://$(docker port "$N" 80/tcp)/f"
expect_eq "$(docker exec "$N" sh -c 'id -u; echo ok >/dev/stdout')" "0
ok"
expect_eq "$(docker exec -u app "$N" sh -c 'echo ok >/dev/stdout; id -u')" "ok
1000"
docker exec "$N" ls -d "/proc/1/root/new" >/dev/null
expect_contains "$(docker top "$N")" httpd
expect_eq "$(docker stats --no-stream --format '{{.PIDs}}' "$N")" 1
expect_contains "$(docker diff "$N")" 'A /new'
echo from-host >file
docker cp file "$N:/copied"
docker cp "$N:/new" back
expect_contains "$(docker cp "$N:/new" - | tar -tvf - --numeric-owner)" 1000/2000
expect_eq "$(docker exec "$N" stat -c %u /copied)" 0
expect_contains "$(docker export "$N" | tar -tvf - --numeric-owner | grep ' new$')" 1000/2000
docker commit "$N" "$N" >/dev/null
expect_eq "$(run "$N" stat -c %u:%g /new)" 1000:2000
expect_eq "$(run --userns host "$N" stat -c %u:%g /new)" 1000:2000

# A device is a node of the container's own, which its device cgroup knows.
expect_eq "$(run --device /dev/full:/dev/mine "$IMAGE" stat -c '%t:%T %u' /dev/mine)" "1:7 0"
mknod -m 666 tun c 10 200
! run --device "$PWD/tun:/dev/tun" "$IMAGE" sh -c ': <>/dev/tun' 2>&1 | grep 'not permitted' || fail "the device is not for it"
rm tun
for other in /etc/passwd "$PWD/bind"; do
  expect_exit 125 run --device "$other:/dev/mine" "$IMAGE" true
  expect_contains "$OUT" "not a device node"
done

# File capabilities that root in the container gave are everybody's in an image, as Docker writes them.
tools=(-v /:/host:ro)
tool() { echo "/host$(readlink -f /lib64/ld-linux-x86-64.so.2) --library-path /host/lib/x86_64-linux-gnu /host/sbin/$1"; }
if [ -x /sbin/setcap ] && [ -x /sbin/getcap ]; then
  docker run --name "$N-cap" "${tools[@]}" "$IMAGE" sh -c "cp /bin/busybox /able && $(tool setcap) cap_net_raw+ep /able"
  capability() { python3 -c 'import sys, tarfile
for member in tarfile.open(fileobj=sys.stdin.buffer, mode="r|*"):
    if member.name.endswith("able"):
        value = member.pax_headers.get("SCHILY.xattr.security.capability", "")
        print(value.encode("utf-8", "surrogateescape").hex())'; }
  expect_eq "$(docker export "$N-cap" | capability)" 0100000200200000000000000000000000000000
  expect_eq "$(docker cp "$N-cap:/able" - | capability)" 0100000200200000000000000000000000000000
  docker commit "$N-cap" "$N-cap" >/dev/null
  for mode in '' host; do
    expect_contains "$(run "${tools[@]}" --userns "$mode" "$N-cap" $(tool getcap) /able)" cap_net_raw=ep
  done
  docker rm "$N-cap" >/dev/null
fi

# Builds have it, too, and make images of anybody's.
printf 'FROM %s\nCOPY --chown=app file /\nRUN cat /proc/self/uid_map; touch /built; chown 5:6 /built; echo x >/dev/stdout\n' "$IMAGE" >Dockerfile
docker build -t "$N-built" . >built 2>&1 || fail "$(cat built)"
grep -q 200000 built
expect_eq "$(run "$N-built" stat -c %u:%g /built /file)" "5:6
1000:1000"
expect_eq "$(run --userns host "$N-built" stat -c %u:%g /built)" 5:6

# What the host's user namespace is needed for.
expect_exit 125 run --privileged "$IMAGE" true
expect_contains "$OUT" 'privileged mode is incompatible with user namespaces'
expect_exit 125 run --network host "$IMAGE" true
expect_contains "$OUT" "cannot share the host's network namespace when user namespaces are enabled"
expect_exit 125 run --pid host "$IMAGE" true
expect_contains "$OUT" 'cannot share the host PID namespace when user namespaces are enabled'
expect_exit 1 docker build --network host --no-cache .
expect_contains "$OUT" "cannot share the host's network namespace"
run --privileged --network host --pid host --userns host "$IMAGE" true
expect_eq "$(run --network "container:$N" --pid "container:$N" "$IMAGE" sh -c 'ps | grep -c [h]ttpd; wget -qO- 127.0.0.1/f')" "1
served"
docker run -d --name "$N-ipc" --ipc shareable "$IMAGE" sleep 1000 >/dev/null
expect_eq "$(run --ipc "container:$N-ipc" "$IMAGE" sh -c 'stat -c %u:%g /dev/shm; echo shared >/dev/shm/f')" 0:0
expect_eq "$(docker exec "$N-ipc" cat /dev/shm/f)" shared
docker rm -f "$N-ipc" >/dev/null
run --ipc host "$IMAGE" test -d /dev/shm

# One of its own for a container.
docker="$SKIFF_BIN/skiff"
"$docker" create --name "$N-a" --userns auto "$IMAGE" cat /proc/self/uid_map >/dev/null
"$docker" create --name "$N-b" --userns auto:size=2000 "$IMAGE" cat /proc/self/uid_map >/dev/null
expect_eq "$(inspect '{{.HostConfig.UsernsMode}}' "$N-a")" auto
expect_eq "$(docker start -a "$N-a" | tr -s ' ')" " 0 500000 65536"
expect_eq "$(docker start -a "$N-b" | tr -s ' ')" " 0 565536 2000"
docker rm "$N-a" >/dev/null
expect_eq "$("$docker" run --rm --userns auto:size=10 "$IMAGE" cat /proc/self/gid_map | tr -s ' ')" " 0 500000 10"
expect_exit 125 "$docker" run --rm --userns auto:size=131073 "$IMAGE" true
expect_contains "$OUT" 'ids lent to skiff: no 131073 user ids in one piece are left of 131072'

# A daemon that maps nobody's ids takes over what runs, and what stopped.
kill "$OWN_PID"
wait "$OWN_PID" || true
SKIFFD_FLAGS=
start_own_daemon
expect_eq "$(docker exec "$N" id -u)" 0
expect_eq "$(docker exec "$N" stat -c %u:%g /new)" 1000:2000
docker restart -t 0 "$N" >/dev/null
expect_eq "$(docker exec "$N" cat /proc/self/uid_map | tr -s ' ')" " 0 0 4294967295"
expect_eq "$(docker exec "$N" stat -c %u:%g /new)" 1000:2000
