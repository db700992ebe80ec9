# An ordinary user's daemon runs programs of other processors, too: nobody registers anything with the host.
[ -x /usr/bin/qemu-aarch64-static ] || skip "qemu-user-static is not installed"
"$SKIFF_TESTS/../../scripts/fetch-busybox" arm64 busybox-arm64
export FOREIGN=$PWD/busybox-arm64
cat >script <<'EOF_SCRIPT'
ana_starts
mkdir -p /mnt/ana/context
cp "$FOREIGN" /mnt/ana/context/busybox
printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "/bin/busybox uname -m > /machine && /bin/busybox chown 7:8 /machine"]\nCMD ["/bin/busybox", "sh", "-c", "/bin/busybox cat /machine; /bin/busybox stat -c %%u:%%g /machine"]\n' >/mnt/ana/context/Dockerfile
chown -R 4321:4321 /mnt/ana/context
ana docker build -q --platform linux/arm64 -t foreign /mnt/ana/context >/dev/null
expect_eq "$(ana docker run --rm foreign 2>/dev/null | xargs)" "aarch64 7:8"
ana docker rmi foreign >/dev/null
ana_stops
EOF_SCRIPT
with_user script
