# Programs of other processors: in RUN and in containers, without a word to the host's binfmt_misc.
skiff() { "$SKIFF_BIN/skiff" "$@"; }
[ -x /usr/bin/qemu-aarch64-static ] || skip "qemu-user-static is not installed"
registered() { ls /proc/sys/fs/binfmt_misc 2>/dev/null | grep -v '^\(register\|status\)$' || true; }
before=$(registered)
mkdir ctx
cat > ctx/Dockerfile <<'D'
FROM scratch
COPY busybox /bin/busybox
COPY passwd /etc/passwd
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox ln -s busybox /bin/uname && uname -m > /machine && /bin/busybox chown 7:8 /machine"]
CMD ["/bin/uname", "-m"]
D
echo root:x:0:0::/:/bin/sh > ctx/passwd
try() { # DEBIAN PLATFORM MACHINE
  "$SKIFF_TESTS/../../scripts/fetch-busybox" "$1" ctx/busybox
  expect_contains "$(skiff build --platform "$2" -t "$N-$1" ctx)" "is emulated"
  expect_eq "$(docker run --rm "$N-$1" 2>err)" "$3"
  expect_contains "$(cat err)" "does not match the detected host platform"
  expect_eq "$(docker run --rm --platform "$2" -u 1000 "$N-$1" /bin/busybox sh -c '/bin/busybox cat /machine; /bin/busybox stat -c %u:%g /machine; /bin/busybox id -u')" "$3
7:8
1000"
}
try arm64 linux/arm64 aarch64
try armhf linux/arm/v7 armv7l
try ppc64el linux/ppc64le ppc64le
try s390x linux/s390x s390x
expect_eq "$(registered)" "$before"
# Set-user-id programs have their rights, unless the container is not to gain any.
cat > ctx/Dockerfile <<D
FROM $N-arm64
COPY --from=$N-arm64 --chmod=4755 /bin/busybox /bin/su
USER 1000
RUN ["/bin/busybox", "sh", "-c", "/bin/su nobody-there 2>&1 | /bin/busybox grep 'unknown user'"]
D
skiff build -q --platform linux/arm64 -t "$N-su" ctx >/dev/null
said=$(docker run --rm --platform linux/arm64 "$N-su" /bin/su nobody-there 2>&1) || true
expect_contains "$said" "unknown user"
said=$(docker run --rm --platform linux/arm64 --security-opt no-new-privileges "$N-su" /bin/su nobody-there 2>&1) || true
expect_contains "$said" "must be suid"
# A container goes on being able to start programs, and others cannot.
docker run -d --name "$N" "$N-arm64" /bin/busybox sleep 60 >/dev/null
expect_eq "$(docker exec "$N" /bin/uname -m)" aarch64
docker rm -f "$N" >/dev/null
OUT=$(skiff run --rm --privileged "$N-arm64" 2>&1) && fail "a privileged container has an emulator of its own"
expect_contains "$OUT" "--emulation=host"
docker rmi "$N-su" "$N-arm64" "$N-armhf" "$N-ppc64el" "$N-s390x" >/dev/null
