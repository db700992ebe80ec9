# --log-driver journald: output goes to the journal's socket with docker's fields, and `logs` reads it there; a
# journal that is not there holds nobody up.
# The daemon has a /run/systemd/journal of its own.
mkdir journal bin
cat >bin/skiffd <<END
#!/bin/sh
exec unshare --mount --propagation private sh -c 'mount -t tmpfs run /run && mkdir -p /run/systemd/journal /run/log &&
  mount -t tmpfs log /var/log && mount --bind $PWD/journal /run/systemd/journal && exec "$SKIFF_BIN/skiffd" "\$@"' skiffd "\$@"
END
chmod +x bin/skiffd
real=$SKIFF_BIN
SKIFF_BIN=$PWD/bin own_daemon
SKIFF_BIN=$real

docker run --rm --log-driver journald "$IMAGE" echo "no journal" >out 2>warning
expect_contains "$(cat warning)" "journald is not enabled on this host"
expect_contains "$(cat out)" "no journal"

# Prints a message's fields, one a line, and an empty line.
cat >journal.py <<'END'
import array, os, socket
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("journal/socket")
while True:
    data, control, _flags, _from = journal.recvmsg(1 << 20, socket.CMSG_SPACE(4))
    if control:
        fd = array.array("i", control[0][2])[0]
        data = os.pread(fd, 1 << 24, 0)
        os.close(fd)
    print(data.decode(), flush=True)
END
python3 journal.py >got &
journal=$!
trap 'kill $journal; stop_own_daemon' EXIT
eventually test -S journal/socket
docker run --name "$N" --label a.b=c --log-driver journald --log-opt labels=a.b --log-opt tag='{{.Name}}/{{.ImageName}}' \
  "$IMAGE" sh -c 'echo hello; echo bad >&2; seq 1000' >/dev/null 2>&1
id=$(inspect '{{.Id}}' "$N")
# The two streams arrive in an order of their own.
eventually grep -qx MESSAGE=1000 got
eventually grep -qx MESSAGE=bad got
messages=$(cat got; echo end)
fields="A_B=c
CONTAINER_ID=$(echo "$id" | cut -c1-12)
CONTAINER_ID_FULL=$id
CONTAINER_NAME=$N
CONTAINER_TAG=$N/$IMAGE
IMAGE_NAME=$IMAGE
SYSLOG_IDENTIFIER=$N/$IMAGE"
expect_contains "$messages" "$fields
PRIORITY=6
MESSAGE=hello
"
expect_contains "$messages" "$fields
PRIORITY=3
MESSAGE=bad
"
eventually sh -c "[ \$(grep -c '^MESSAGE=[0-9]*\$' got) = 1000 ]"
expect_exit 1 docker logs "$N"
expect_contains "$OUT" "there is no journal on this host"
expect_eq "$(inspect '{{.HostConfig.LogConfig.Type}} {{.LogPath}}' "$N")" "journald "
expect_exit 1 docker create --log-driver journald --log-opt tag='{{.What}}' "$IMAGE" true
expect_contains "$OUT" "is unknown: there are {{.ID}}"
# A message that no datagram holds.
docker run --rm --label big="$(seq 45000 | tr -d '\n' | head -c 120000)" --label more="$(seq 45000 | tr -d '\n' | head -c 120000)" \
  --log-driver journald --log-opt labels=big,more "$IMAGE" echo large >/dev/null
eventually grep -qx MESSAGE=large got

# A real one, which has the daemon's mounts and no network: there the kernel's audit is.
journald=/lib/systemd/systemd-journald
[ -x $journald ] && command -v journalctl >/dev/null || exit 0
kill $journal
trap stop_own_daemon EXIT
rm journal/socket
printf '[Journal]\nReadKMsg=no\nAudit=\nForwardToWall=no\nRateLimitBurst=0\n' >journald.conf
in_daemon() { nsenter --target "$OWN_PID" --mount "$@"; }
in_daemon mount --bind "$PWD/journald.conf" /etc/systemd/journald.conf
# Not through the function: that would be a shell, which a signal to it ends alone.
nsenter --target "$OWN_PID" --mount unshare --net $journald >journald.log 2>&1 &
journald_pid=$!
trap 'kill $journald_pid; stop_own_daemon' EXIT
eventually test -S journal/socket
docker run --name "$N-real" --label a.b=c --log-driver journald --log-opt labels=a.b "$IMAGE" \
  sh -c 'seq 1 500; echo bad >&2; head -c 20000 /dev/zero | tr "\0" x; printf "\none\tmore"' >/dev/null 2>&1
text=$(seq 1 500; head -c 20000 /dev/zero | tr '\0' x; printf '\none\tmore')
# The journal takes its messages in its own time, and the two streams arrive in an order of their own.
eventually eval '[ "$(docker logs "$N-real" 2>err)" = "$text" ] && [ "$(cat err)" = bad ]'
expect_eq "$(docker logs --tail 2 "$N-real" 2>/dev/null | tail -n 1)" "$(printf 'one\tmore')"
expect_eq "$(docker logs --tail 0 "$N-real" 2>&1)" ""
expect_contains "$(docker logs --details --timestamps --tail 2 "$N-real")" "Z a.b=c one"
expect_eq "$(docker logs --since "$(($(date +%s) + 60))" "$N-real" 2>&1)" ""
expect_eq "$(docker logs --until 1h "$N-real" 2>&1)" ""
# Followed to the end, and from the end on.
docker run -d --name "$N-follow" --log-driver journald "$IMAGE" \
  sh -c 'echo first; until [ -e /go ]; do echo more; sleep 0.05; done; seq 1 200' >/dev/null
eventually sh -c "docker logs '$N-follow' | grep -q first"
docker logs -f "$N-follow" >all &
all=$!
docker logs -f --tail 0 "$N-follow" >news &
news=$!
eventually grep -q first all
eventually grep -q more news
docker exec "$N-follow" touch /go || [ $? = 137 ] # its end may come first
wait $all $news
expect_eq "$(grep -vx more all)" "$(echo first; seq 1 200)"
expect_eq "$(grep -vx more news)" "$(seq 1 200)"
expect_eq "$(docker logs --tail 1 "$N-follow")" 200
