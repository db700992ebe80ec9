# Root of a remapped container, with every capability there and without seccomp: what is the host's root's
# in a bind mount, in /proc, in its cgroup, and what only the host's root may do, stays so. What it makes on
# the host belongs to the id that it has there. CVE-2022-0492, CVE-2020-14386 and their like need rights in the
# host's user namespace.
own_etc
printf 'lender:100000:65536\nskiff:300000:65536\n' >/etc/subuid
cp /etc/subuid /etc/subgid
SKIFFD_FLAGS='--userns-remap lender'
own_daemon

mkdir -m 0777 open
chmod 0777 open
cp "$SENTINEL/secret" open/roots
chmod 0600 open/roots
stat -c '%n %a %u:%g %z' open/roots "$SENTINEL"/* >before
cat >try.sh <<'SCRIPT'
# Of the bind mounts: the sentinel, read-only and not, and a directory that everybody may write to.
for file in /sentinel/secret /open/roots; do
  cat $file; dd if=$file; cp $file /tmp/x; ln $file /sentinel/link
  echo changed >$file; truncate -s 0 $file; chmod 4777 $file; chown 0:0 $file; chown 65534:65534 $file; touch $file
done
cat /sentinel/directory/inner/file; ls /sentinel/directory
rm -rf /sentinel/secret /sentinel/directory; mv /sentinel/program /sentinel/x; echo x >/sentinel/program; echo x >/sentinel/new
mount -o remount,bind,rw /readonly; echo x >/readonly/secret; cat /readonly/secret
mknod /open/memory c 1 1; mknod /open/disk b 253 0; mknod /tmp/memory c 1 1; cat /open/memory /open/disk /dev/mem /proc/kcore | head -c 100
# What the kernel shows and lets be set: masks taken off, everything mounted anew and writable.
umount /proc/kcore /proc/sysrq-trigger /proc/sys /proc/sys /sys/fs/cgroup /sys/firmware
mount -o remount,rw /proc/sys; mount -o remount,rw /sys; mount -o remount,rw /sys/fs/cgroup
mkdir /tmp/proc /tmp/sys /tmp/cgroup; mount -t proc proc /tmp/proc; mount -t sysfs sysfs /tmp/sys
mount -t cgroup -o memory cgroup /tmp/cgroup; mount -t cgroup2 cgroup2 /tmp/cgroup
for proc in /proc /tmp/proc; do
  echo '|/tmp/x' >$proc/sys/kernel/core_pattern; echo /tmp/x >$proc/sys/kernel/modprobe
  echo b >$proc/sysrq-trigger; echo 0 >$proc/sys/kernel/randomize_va_space; cat $proc/1/root/sentinel/secret
done
find / -xdev -name release_agent -exec sh -c 'echo /tmp/x >$0' {} \;
find /sys/fs/cgroup /tmp/cgroup -name cgroup.procs | head -20 | while read -r procs; do mkdir "${procs%/*}/x"; done
# What is for those who have rights on the host.
insmod /bin/busybox; swapon /tmp/x; date -s 2001-01-01; mount -t debugfs d /tmp/x; nsenter -t 1 -m true; chroot /proc/1/root cat /secret
echo all tried
kill -9 -1
SCRIPT
for user in "" "--userns auto"; do
  expect_no_secret timeout 300 "$SKIFF_BIN/skiff" run --rm $user --cap-add ALL --security-opt seccomp=unconfined \
    -v "$SENTINEL:/sentinel" -v "$SENTINEL:/readonly:ro" -v "$PWD/open:/open" -v "$PWD/try.sh:/try.sh:ro" "$IMAGE" sh /try.sh
  grep -q '^all tried' told || fail "it ended before all was tried: $OUT"
  stat -c '%n %a %u:%g %z' open/roots "$SENTINEL"/* >after
  diff before after || fail "a file of the host's root was changed, $user"
done
expect_eq "$(find open -mindepth 1 -user 0 | sort)" open/roots "files of the host's root"
expect_eq "$(find open -mindepth 1 \( -type b -o -type c \))" "" "devices"

# What it makes is its own, with a set-user-id bit, too.
docker run --rm -v "$PWD/open:/open" "$IMAGE" sh -c 'cp /bin/busybox /open/suid; chown 0:0 /open/suid; chmod 4755 /open/suid'
expect_eq "$(stat -c '%u:%g %a' open/suid)" '100000:100000 4755'
# What goes in by other ways is not the host's either.
docker create --name "$N" -v "$PWD/open:/open" "$IMAGE" true >/dev/null
docker cp try.sh "$N:/open/copied"
expect_eq "$(stat -c %u:%g open/copied)" 100000:100000
# Without a mapping of its own nobody is root of another's.
expect_exit 125 docker run --rm --privileged -v "$SENTINEL:/sentinel" "$IMAGE" cat /sentinel/secret
docker rm "$N" >/dev/null
