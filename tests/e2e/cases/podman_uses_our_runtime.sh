# skiff-runtime stands in for runc under podman: run, exec, pause, update, stop, limits, signals, user namespaces.
peers_ready
cp "$SKIFF_BIN/skiff-runtime" skiff-runtime # the peers' tree shares only /tmp
peers "$PWD/skiff-runtime" --version >/dev/null 2>&1 || skip "this build's runtime is not static"
cat >script <<'EOF'
set -eu
mount -t tmpfs tmpfs /dev/shm # with podman's locks
cd "$1"
pod() { podman --root "$1/podman" --runroot "$1/podman-run" --runtime "$1/skiff-runtime" --cgroup-manager cgroupfs --events-backend none "${@:2}"; }
p() { pod "$PWD" "$@"; }
code() { local got=0; "$@" || got=$?; echo "code $got"; }
trap 'p rm -af >/dev/null; p rmi -af >/dev/null' EXIT
p import -q base.tar here
echo in | code p run -i --rm --network none localhost/here sh -c 'cat; echo pid $$; exit 3'
p run -d --name one --network none --memory 64m --pids-limit 50 localhost/here \
  sh -c "trap 'exit 5' TERM; echo up; while :; do sleep 100 & wait; done"
until p logs one | grep -q up; do sleep 0.1; done
p ps --format '{{.Names}} {{.State}}'
code p exec one sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; exit 4'
p pause one
p inspect -f '{{.State.Status}}' one
p unpause one
p update --memory 32m one
code p exec one sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; exit 6'
p top one | tail -n +2 | grep -c sleep
p kill -s TERM one
p wait one
p rm one
p run -d --name two --network none localhost/here sh -c "trap 'exit 7' TERM; while :; do sleep 100 & wait; done"
until p exec two sh -c 'ps | grep -q "[s]leep 100"'; do sleep 0.1; done
p stop two
p inspect -f 'two {{.State.Status}} {{.State.ExitCode}}' two
p rm two
code p run --rm --network none localhost/here no-such-program
p run --rm --network none --user 5:6 --cap-drop all localhost/here sh -c 'id; grep CapEff /proc/self/status'
p run --rm --network none --uidmap 0:100000:1000 --gidmap 0:100000:1000 localhost/here sh -c 'cat /proc/self/uid_map'
p run --rm --network none -t localhost/here tty
p run --rm --network none --systemd always localhost/here sh -c 'echo run is $(grep -c " /run tmpfs" /proc/mounts)'
p run --rm --network none --read-only --read-only-tmpfs=false localhost/here touch /x 2>&1 || true
EOF
cp "$BASE_TAR" base.tar
OUT=$(peers env PODMAN_IGNORE_CGROUPSV1_WARNING=1 bash "$PWD/script" "$PWD" 2>&1 | tr -d '\r') || fail "podman: $OUT"
for line in $'in\npid 1\ncode 3' 'one running' 67108864 'code 4' paused 33554432 'code 6' $'\n2\n' $'\n5\n' 'two exited 7' 'code 127' \
  'uid=5' 'CapEff:	0000000000000000' '100000       1000' /dev/pts/0 'run is 1' 'Read-only file system'; do
  expect_contains "$OUT" "$line"
done
