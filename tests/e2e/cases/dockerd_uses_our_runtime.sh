# skiff-runtime stands in for runc under Debian's dockerd: run, exec, limits, pause, update, stop, remove.
command -v dockerd >/dev/null || skip "no dockerd: install docker.io"
cp "$SKIFF_BIN/skiff-runtime" skiff-runtime
cp "$BASE_TAR" base.tar
cat >dockerd.sh <<'EOF'
dockerd --data-root "$PWD/data" --exec-root "$PWD/exec" --pidfile "$PWD/pid" -H "unix://$PWD/docker.sock" \
  --containerd "$PWD/containerd/sock" --bridge none --iptables=false --ip6tables=false --storage-driver vfs \
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$N-dockerd" \
  --add-runtime skiff="$PWD/skiff-runtime" --default-runtime skiff >dockerd.log 2>&1 &
export DOCKER_HOST=unix://$PWD/docker.sock
until_true docker version
limit() { docker exec one sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true'; }
docker info -f 'runtime {{.DefaultRuntime}}'
docker import base.tar here >/dev/null
echo in | code docker run -i --rm --network none here sh -c 'cat; echo pid $$; exit 3'
docker run -d --name one --network none --memory 64m --pids-limit 50 here \
  sh -c "trap 'exit 5' TERM; echo up; while :; do sleep 100 & wait; done" >/dev/null
until_true sh -c 'docker logs one | grep -q up'
docker inspect -f '{{.HostConfig.Runtime}} {{.State.Status}}' one
limit
code docker exec one sh -c 'exit 4'
docker pause one
docker inspect -f '{{.State.Status}}' one
docker unpause one
docker update --memory 32m --memory-swap 64m one >/dev/null
limit
docker update --cpu-shares 512 one >/dev/null
docker update --pids-limit 40 one >/dev/null
docker update --memory-reservation 16m one >/dev/null
docker update --restart always one >/dev/null
docker update --restart no one >/dev/null
docker run -d --name free --network none here sleep 1000 >/dev/null
docker update --cpu-shares 512 --pids-limit 30 free
docker update --restart no free
docker exec free sh -c 'echo shares $(cat /sys/fs/cgroup/cpu.weight /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null), pids $(cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null)'
docker rm -f free >/dev/null
limit
docker top one | grep -c sleep
docker stop one >/dev/null
docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' one
docker rm one
code docker run --rm --network none here no-such-program 2>&1
docker run --rm --network none --user 5:6 --cap-drop all here sh -c 'id; grep CapEff /proc/self/status'
docker run --rm --network none --read-only here touch /x 2>&1 || true
docker run --rm --network none -t here tty
docker run --rm --network none --init here sh -c 'echo init $(cat /proc/1/comm)'
docker ps -aq | wc -l
EOF
with_containerd dockerd.sh
for line in 'runtime skiff' $'in\npid 1\ncode 3' 'skiff running' 67108864 'code 4' paused 33554432 ', pids 30' $'33554432\n2\n' 'exited 5' \
  'code 127' 'uid=5' 'CapEff:	0000000000000000' 'Read-only file system' /dev/pts/0 'init docker-init' $'\n0'; do
  expect_contains "$OUT" "$line"
done
