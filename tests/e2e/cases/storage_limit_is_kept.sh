# What would pass --storage-limit is refused, says so, and leaves nothing behind.
skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
head -c 24000000 /dev/urandom >big
printf 'FROM scratch\nCOPY big /big\n' >Dockerfile
docker build -q -t "$REGISTRY/$N" . >/dev/null
docker push -q "$REGISTRY/$N" >/dev/null
docker save -o big.tar "$REGISTRY/$N"
# Its blob would fit.
mkdir zeros
head -c 24000000 /dev/zero >zeros/zeros
printf 'FROM scratch\nCOPY zeros /\n' >zeros/Dockerfile
SKIFFD_FLAGS="--storage-limit 20m" own_daemon
# A check waits for what is being removed.
used() { skiff system check >/dev/null; du -sm "$OWN/root/content" "$OWN/root/snapshots" | awk '{ n += $1 } END { print n }'; }
before=$(used)

for refused in "pull -q $REGISTRY/$N" "load -q -i big.tar" "build -q ." "build -q zeros" "import big too-big"; do
  # shellcheck disable=SC2086
  expect_exit 1 docker $refused
  expect_contains "$OUT" "storage limit of 21 MB is reached" "$refused"
  [ "$(used)" -le $((before + 1)) ] || fail "$refused left something: $(used) MB, $before before"
done
docker run --name "$N" -v "$PWD:/src:ro" "$IMAGE" cp /src/big /big
expect_exit 1 docker commit "$N" too-big
expect_contains "$OUT" "storage limit"
docker rm "$N" >/dev/null
expect_eq "$(docker images -q | wc -l)" 1
expect_eq "$(docker run --rm "$IMAGE" echo well)" well
expect_contains "$(skiff system df)" "may take 20.97MB"
expect_contains "$(skiff system check --deep)" ": no problems"
expect_contains "$(skiff system scrub)" ": no damage"
