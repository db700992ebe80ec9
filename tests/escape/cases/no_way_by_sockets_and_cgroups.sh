# CVE-2020-15257: no socket of ours is abstract: one would be seen in a container with the host's
# network. CVE-2022-0492, CVE-2023-25809: no cgroup, and no release_agent, can be written.
with_probe "$N"
docker run -d --name "$N" --network host "$N" sleep 1000 >/dev/null
# Of the sockets in the host's network namespace, those of our processes.
ours=$(for process in /proc/[0-9]*; do
  case "$(cat "$process/comm" 2>/dev/null)" in skiff*) ls -l "$process/fd" 2>/dev/null ;; esac
done | sed -n 's/.*socket:\[\([0-9]*\)\]/\1/p')
[ -n "$ours" ] || fail "no socket of ours was found"
for inode in $(docker exec "$N" awk '$8 ~ /^@/ { print $7 }' /proc/net/unix); do
  ! grep -qx "$inode" <<<"$ours" || fail "an abstract socket of ours: $(grep " $inode " /proc/net/unix)"
done
docker rm -f "$N" >/dev/null

# As Docker: without CAP_SYS_ADMIN neither a mount nor a user namespace to make one in.
want="mount as root: mount EPERM
mount in a user namespace: unshare EPERM"
expect_eq "$(docker run --rm "$N" /probe cgroup-mounts)" "$want"
docker run -d --name "$N" "$N" sleep 1000 >/dev/null
expect_eq "$(docker exec "$N" /probe cgroup-mounts)" "$want"
printf 'FROM %s\nRUN /probe cgroup-mounts\n' "$N" >Dockerfile
expect_contains "$(docker build --no-cache . 2>/dev/null)" "$want"
write='found=; for file in $(find /sys/fs/cgroup -name release_agent -o -name cgroup.procs -o -name notify_on_release -o -name memory.max -o -name devices.allow); do
  if echo 1 2>/dev/null >$file; then echo WROTE $file; fi; found=yes; done; mkdir /sys/fs/cgroup/x /sys/fs/cgroup/memory/x 2>/dev/null && echo WROTE; echo found $found'
expect_eq "$(docker run --rm "$IMAGE" sh -c "$write" 2>/dev/null)" "found yes"
expect_eq "$(docker exec "$N" sh -c "$write" 2>/dev/null)" "found yes"
docker rm -f "$N" >/dev/null
