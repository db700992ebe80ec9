cat >script <<'EOF_SCRIPT'
ana_starts
/mnt/bin/skiff-registry serve --root /mnt/registry --listen 127.0.0.1:0 >/mnt/registry.log 2>&1 &
eventually grep -qoE '127\.0\.0\.1:[0-9]+' /mnt/registry.log
registry=$(grep -oE '127\.0\.0\.1:[0-9]+' /mnt/registry.log | head -1)

# Images: of an archive, to the host's registry and back, of a Dockerfile.
ana docker import /mnt/base.tar "$registry/base" >/dev/null
ana docker push "$registry/base" >/dev/null
ana docker rmi "$registry/base" >/dev/null
ana docker pull "$registry/base" >/dev/null
ana docker tag "$registry/base" base
mkdir -p /mnt/ana/context
printf 'FROM base\nRUN id -u >/uid && chown 1000:2000 /uid && rm -r /home\nCOPY word /word\nADD devices.tar /made\n' >/mnt/ana/context/Dockerfile
echo built >/mnt/ana/context/word
(mkdir devices && cd devices && mknod null c 1 3 && mkfifo fifo && tar -cf /mnt/ana/context/devices.tar null fifo)
chown -R 4321:4321 /mnt/ana/context
# No devices can be made here: they are left out.
ana docker build -q -t built /mnt/ana/context >/dev/null
expect_eq "$(ana docker run --rm built sh -c 'cat /uid /word; stat -c %u:%g /uid; ls /home /made 2>/dev/null' | xargs)" \
  "0 built 1000:2000 /made: fifo"

# Root inside is the user outside; other ids are the subordinate ones.
ana docker run -d --name web -p 8080:80 -p 127.0.0.1:8081:5353/udp -v /mnt/ana/context:/context base sh -c \
  'echo page >/tmp/index.html; echo from-inside >/context/inside; chown 1000 /context/inside; echo started; httpd -f -p 80 -h /tmp' >/dev/null
eventually test -e /mnt/ana/context/inside
eventually eval '[ "$(stat -c %u:%g /mnt/ana/context/inside)" = 500999:4321 ]'
pid=$(ana docker inspect -f '{{.State.Pid}}' web)
expect_eq "$(stat -c %u "/proc/$pid")" 4321
eventually curl -fs http://127.0.0.1:8080/
expect_eq "$(in_neighbour curl -fs http://198.51.100.2:8080/)" page
expect_eq "$(ana docker logs web)" started
# The host's own namespaces; of its processes the files that are masked, and read-only, stay so.
ana docker run --rm --pid host base sh -c "test -d /proc/$pid && test -c /proc/keys && grep -q ' /proc/acpi tmpfs ro,' /proc/mounts"
expect_contains "$(ana docker run --rm --pid host base grep ' /proc/sys ' /proc/mounts)" ' ro,'
ana docker run --rm --pid host --network host --ipc host --uts host --cgroupns host base test -d "/proc/$pid"
expect_eq "$(ana docker exec -u 1000 web id -u)" 1000
expect_contains "$(ana docker top web)" httpd
expect_eq "$(ana docker stats --no-stream --format '{{.Name}} {{.PIDs}}' web)" "web 1"
ana docker cp web:/tmp/index.html /mnt/ana/page
expect_eq "$(cat /mnt/ana/page)" page
ana docker commit web committed >/dev/null
expect_eq "$(ana docker run --rm committed cat /tmp/index.html)" page

# Memory that containers share, and the host's.
ana docker run -d --name lends --ipc shareable base sleep 1000 >/dev/null
ana docker run --rm --ipc container:lends base sh -c 'echo lent >/dev/shm/f'
expect_eq "$(ana docker exec lends cat /dev/shm/f)" lent
ana docker rm -f lends >/dev/null
ana docker run --rm --ipc host base test -d /dev/shm

# Networks: a container reaches another by a network of its own, and the neighbour.
(mkdir pages && echo neighbour >pages/index.html)
in_neighbour busybox httpd -f -p 198.51.100.1:8000 -h "$PWD/pages" &
# pasta 2023 forgets the answer to who has ended its own direction first.
get='(printf "GET / HTTP/1.0\r\n\r\n"; sleep 1) | timeout 5 nc'
eventually eval 'ana docker run --rm base sh -c "$get 198.51.100.1 8000" | grep -q neighbour'
# A way out that has ended is replaced.
kill -9 "$(cat /mnt/ana/run/skiff/rootless/uplink.pid)"
eventually eval 'ana docker run --rm base sh -c "$get 198.51.100.1 8000" | grep -q neighbour'
ana docker network create apart >/dev/null
ana docker run -d --name apart --network apart base sh -c 'echo apart >/tmp/index.html; httpd -f -p 80 -h /tmp' >/dev/null
address=$(ana docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' apart)
eventually eval 'ana docker run --rm --network apart base sh -c "$get $address 80" | grep -q apart'
expect_eq "$(ana docker run --rm --network none base ls /sys/class/net | tr '\n' ' ')" "lo "
expect_exit 125 ana docker run --rm -p 8080:80 base true
expect_contains "$OUT" "port is already allocated"
expect_exit 125 ana docker run --rm -p 81:80 base true
expect_contains "$OUT" "an ordinary user may not take it"
# Nothing that only the host's loopback serves.
expect_not_contains "$(ana docker run --rm base sh -c "$get ${registry/:/ } 2>&1" || true)" HTTP

# What this user was not given is told.
expect_contains "$(ana docker info 2>&1)" rootless
expect_contains "$(ana docker info -f '{{.DriverStatus}}')" "Operation not permitted"
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  expect_eq "$(ana docker info -f '{{.CgroupDriver}}')" none
  expect_contains "$(ana docker run --rm -m 64m base true 2>&1)" "Limitation discarded"
fi
# It has no ids but those of its own namespace, and no device that is not the host's.
expect_exit 125 ana skiff run --rm --userns auto base true
expect_contains "$OUT" "a daemon without root has no other ids to give"
expect_eq "$(ana docker run --rm --device /dev/full:/dev/mine base stat -c %t:%T /dev/mine)" 1:7
expect_eq "$(ana docker volume create store)" store
ana docker run --rm -v store:/data base sh -c 'echo kept >/data/file'
expect_eq "$(ana docker run --rm -v store:/data base cat /data/file)" kept

# Nobody else gets in, also where the directory stands open.
expect_exit 1 ben docker ps
chmod 755 /mnt/ana/run /mnt/ana/run/skiff
expect_exit 1 ben docker ps

# The daemon goes, by a signal and by force; container and port stay.
pid=$(ana docker inspect -f '{{.State.Pid}}' web)
ana_stops
expect_eq "$(curl -fs http://127.0.0.1:8080/)" page
ana_starts
kill -9 "$DAEMON"
wait "$DAEMON" || true
expect_eq "$(curl -fs http://127.0.0.1:8080/)" page
ana_starts
expect_eq "$(ana docker inspect -f '{{.State.Running}} {{.State.Pid}}' web)" "true $pid"
expect_eq "$(curl -fs http://127.0.0.1:8080/)" page
expect_eq "$(ana docker exec web echo in)" in
expect_exit 125 ana docker run --rm -p 8080:80 base true
ana docker restart -t 0 web >/dev/null
eventually eval '[ "$(curl -fs http://127.0.0.1:8080/)" = page ]'
# Without its monitor a container ends.
pid=$(ana docker inspect -f '{{.State.Pid}}' web)
kill -9 "$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")"
eventually eval '! kill -0 $pid'
ana docker rm -f web apart >/dev/null
expect_exit 7 curl -s http://127.0.0.1:8080/

# With the last container gone, nothing of the daemon stays.
ana_stops
eventually eval '! pgrep -u ana -x "skiff.*|pasta.*|passt.*"'
expect_exit 1 ana skiffd --userns-remap ana
expect_contains "$OUT" "--userns-remap: a daemon without root has no other ids to give"
EOF_SCRIPT
with_user script
