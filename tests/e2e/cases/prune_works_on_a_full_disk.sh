# Databases must write before anything can be removed: a reserve is given up for that.
mkdir -p own/root
mount -t tmpfs -o size=40m tmpfs own/root
trap 'umount -l own/root' EXIT
own_daemon
trap 'stop_own_daemon; umount -l own/root' EXIT
for i in 1 2 3 4 5 6; do
  printf 'FROM %s\nRUN head -c 1000000 /dev/urandom >/f%s\n' "$IMAGE" $i >Dockerfile
  docker build -q -t "$N:$i" - <Dockerfile >/dev/null
  docker create --name "$N-$i" "$N:$i" true >/dev/null
  docker volume create "$N-$i" >/dev/null
done
test -s own/root/reserve
dd if=/dev/zero of=own/root/filler bs=64k 2>/dev/null || true
dd if=/dev/zero of=own/root/filler2 bs=1 2>/dev/null || true
expect_exit 1 docker tag "$IMAGE" "$N:more"
expect_contains "$OUT" "full"

# Also when the daemon starts on it.
kill "$OWN_PID"
wait "$OWN_PID" || true
start_own_daemon
out=$(docker system prune -af --volumes)
expect_contains "$out" "Total reclaimed space"
expect_eq "$(docker ps -aq)$(docker images -q)" ""
test -s own/root/reserve
expect_contains "$("$SKIFF_BIN/skiff" -H "$DOCKER_HOST" system check --deep)" ": no problems"
