# Version 2 alone, as far as the host has it: its layout over the host's own, in the case's mounts.
cat >script <<'EOF_SCRIPT'
mount -t cgroup2 none /sys/fs/cgroup || skip "no cgroup2: the kernel lacks it"
given=/sys/fs/cgroup/skiff-e2e-$$-$RANDOM
trap 'find $given -depth -type d -exec rmdir {} + 2>/dev/null || true' EXIT
mkdir -p $given/session
chown 4321:4321 $given $given/cgroup.procs $given/cgroup.subtree_control $given/session $given/session/cgroup.procs
enter() { echo 0 >$given/session/cgroup.procs; }
(enter; BECOME=exec; ana setsid skiffd) >>/mnt/ana/log 2>&1 &
DAEMON=$!
eventually ana docker version
ana docker import /mnt/base.tar base >/dev/null
expect_eq "$(ana docker info -f '{{.CgroupDriver}} {{.CgroupVersion}}')" "cgroupfs 2"
expect_not_contains "$(ana docker info 2>&1)" "without cgroups"
ana docker run -d --name given base sleep 1000 >/dev/null
pid=$(ana docker inspect -f '{{.State.Pid}}' given)
expect_contains "$(grep ^0:: /proc/$pid/cgroup)" "/${given##*/}/skiff/$(ana docker inspect -f '{{.Id}}' given)"
# The freezer is every version 2 cgroup's.
ana docker pause given >/dev/null
expect_eq "$(ana docker inspect -f '{{.State.Status}}' given)" paused
expect_eq "$(sed -n 's/^frozen //p' $given/skiff/*/cgroup.events)" 1
ana docker unpause given >/dev/null
expect_eq "$(ana docker exec given echo in)" in
ana docker rm -f given >/dev/null
eventually eval '! ls -d $given/skiff/*/ 2>/dev/null'
ana_stops
eventually eval '! pgrep -u ana -x "skiff.*|pasta.*|passt.*"'
EOF_SCRIPT
with_user script
