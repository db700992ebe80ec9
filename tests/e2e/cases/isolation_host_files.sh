echo secret > "$PWD/host-file"
expect_exit 1 docker run --rm "$IMAGE" cat "$PWD/host-file"
expect_not_contains "$(docker run --rm "$IMAGE" cat /proc/self/mountinfo)" "$PWD"
expect_exit 1 docker run --rm "$IMAGE" sh -c 'echo 1 > /proc/sys/kernel/panic'
expect_exit 1 docker run --rm "$IMAGE" mount -t tmpfs x /tmp
expect_exit 1 docker run --rm "$IMAGE" sh -c 'mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda'
for masked in kcore keys timer_list; do
  [ -e "/proc/$masked" ] || continue
  expect_eq "$(docker run --rm "$IMAGE" sh -c "wc -c < /proc/$masked")" 0
  expect_contains "$(docker run --rm "$IMAGE" grep " /proc/$masked " /proc/self/mountinfo)" " ro,nosuid,noexec"
done
