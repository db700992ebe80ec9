# CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-52881: a /proc or /sys that
# is a link or a volume does not make us write elsewhere, nor leave masks away.
for name in proc sys; do
  mkdir -p "files-$name"
  ln -s "$SENTINEL" "files-$name/$name"
  image "$N:$name" "files-$name"
  expect_exit 125 docker run --rm --sysctl net.ipv4.ip_forward=1 "$N:$name" true
  printf 'FROM %s:%s\nRUN ls /%s\n' "$N" $name $name >Dockerfile
  expect_no_secret docker build --no-cache .
  mkdir -p "inner-$name/other"
  ln -s other "inner-$name/$name"
  image "$N:inner-$name" "inner-$name"
  expect_exit 125 docker run --rm "$N:inner-$name" true
done
# The image's volume, or the user's, or a bind of the host's directory, over /proc or in it.
mkdir -p volume/proc/self/attr volume/proc/sys/net/ipv4
image "$N:volume" volume 'VOLUME /proc'
docker volume create "$N" >/dev/null
masked() {
  OUT=$("$@" 2>&1 | head -c 4096 | tr -d '\0') || true
  expect_not_contains "$OUT" READABLE
}
look='if [ -e /proc/kcore ] && [ "$(head -c 1 /proc/kcore | wc -c)" != 0 ]; then echo READABLE; fi; if [ -d /proc/1 ] && echo 0 >/proc/sys/kernel/panic_on_oops; then echo READABLE; fi'
masked docker run --rm --security-opt no-new-privileges "$N:volume" sh -c "$look"
for place in /proc /proc/self /proc/self/attr /proc/sys /proc/kcore /proc/../proc /sys /sys/fs /sys/fs/cgroup; do
  masked docker run --rm -v "$N:$place" "$IMAGE" sh -c "$look"
  masked docker run --rm --tmpfs "$place" "$IMAGE" sh -c "$look"
  expect_no_secret docker run --rm -v "$SENTINEL/empty:$place:ro" --sysctl net.ipv4.ip_forward=1 "$IMAGE" cat /proc/secret
done
docker volume rm "$N" >/dev/null
