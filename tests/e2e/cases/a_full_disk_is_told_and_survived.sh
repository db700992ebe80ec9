# What does not fit fails with the reason, and leaves the room that was there.
head -c 24000000 /dev/urandom >big
printf 'FROM scratch\nCOPY big /big\n' >Dockerfile
docker build -q -t "$REGISTRY/$N" . >/dev/null
docker push -q "$REGISTRY/$N"
mkdir -p own/root
mount -t tmpfs -o size=20m tmpfs own/root
trap 'umount -l own/root' EXIT
own_daemon
trap 'stop_own_daemon; umount -l own/root' EXIT

expect_exit 1 docker pull "$REGISTRY/$N"
expect_contains "$OUT" "No space left on device"
expect_exit 1 docker build .
expect_contains "$OUT" "No space left on device"
expect_exit 1 "$SKIFF_BIN/skiff" build .
expect_contains "$OUT" "big: write: No space left on device"
expect_exit 1 docker import big too-big
expect_contains "$OUT" "No space left on device"

expect_eq "$(docker run --rm "$IMAGE" echo well)" well
docker volume create "$N" >/dev/null
expect_eq "$(docker images -q | wc -l)" 1
