# skiff-runtime stands in for runc under Debian's containerd, driven by ctr: run, exec, pause, kill, remove.
command -v ctr >/dev/null || skip "no ctr: install containerd"
cp "$SKIFF_BIN/skiff-runtime" skiff-runtime
mkdir rootfs && tar -C rootfs -xf "$BASE_TAR"
cat >ctr.sh <<'EOF'
c() { ctr -a containerd/sock -n "$N-ctr" "$@"; }
run() { c run --runtime io.containerd.runc.v2 --runc-binary "$PWD/skiff-runtime" --rootfs "$@"; }
until_true c version
code run --rm "$PWD/rootfs" first /bin/sh -c 'echo hello from $$; exit 3'
run -d --memory-limit 67108864 "$PWD/rootfs" one /bin/sh -c "trap 'exit 5' TERM; while :; do sleep 100 & wait; done"
c task ls
cat "/sys/fs/cgroup/$N-ctr/one/memory.max" "/sys/fs/cgroup/memory/$N-ctr/one/memory.limit_in_bytes" 2>/dev/null || true
code c task exec --exec-id x one /bin/sh -c 'exit 4'
c task pause one
c task ls
c task resume one
c task metrics one | grep -c -i memory
until_true c task exec --exec-id y one /bin/sh -c 'ps | grep -q "[s]leep 100"'
echo "processes $(c task ps one | tail -n +2 | wc -l)"
c task kill -s SIGTERM one
until_true sh -c "ctr -a containerd/sock -n '$N-ctr' task ls | grep STOPPED"
c task rm one 2>&1
c container rm one
code run --rm "$PWD/rootfs" none /no-such-program 2>&1
echo "left $(c task ls -q | wc -l)"
EOF
with_containerd ctr.sh
for line in $'hello from 1\ncode 3' RUNNING 67108864 'code 4' PAUSED 'processes 2' 'non-zero exit code 5' \
  'stat /no-such-program: no such file or directory' 'left 0'; do
  expect_contains "$OUT" "$line"
done
