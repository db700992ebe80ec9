# CVE-2021-30465, CVE-2024-45310, CVE-2019-19921: containers share a volume. Two of them swap a
# directory of it for a link to the host's tree while another is made, with mounts and a working
# directory to be made in there: by the engine, and many times more by the runtime alone.
with_probe "$N"
docker volume create "$N" >/dev/null
docker volume create "$N-inner" >/dev/null
docker run --rm -v "$N:/shared" "$IMAGE" sh -c "mkdir /shared/place; ln -s ../../../../../../../../$SENTINEL/empty /shared/link; ln -s $SENTINEL/empty /shared/absolute"
for link in link absolute; do
  docker run -d --cpu-shares 2 --name "$N-$link" -v "$N:/shared" -w /shared "$N" /probe swap place $link >/dev/null
done
shared=$(docker volume inspect -f '{{.Mountpoint}}' "$N")
look="ls /shared/place/../secret $SENTINEL; cat $SENTINEL/secret ../../secret"
# Where the container started, its program does not find the host's file.
started=0
refused=0
count() {
  expect_not_contains "$OUT" "$SECRET"
  case "$OUT" in *"can't open"*) started=$((started + 1)) ;; *) refused=$((refused + 1)) ;; esac
}
for round in $(seq "$ROUNDS"); do
  OUT=$(skiff run --rm --network none -v "$N:/shared" --tmpfs /shared/place/t -v "$N-inner:/shared/place/v" \
    -w /shared/place/w "$IMAGE" sh -c "$look" 2>&1) || true
  count
  [ "$started" = 0 ] || [ "$round" -lt $((ROUNDS / 20)) ] || break
done
[ "$started" -gt 0 ] || fail "the engine started none of them: $OUT"

mkdir -p bundle/rootfs inner state
tar -C bundle/rootfs -xf "$BASE_TAR"
(cd bundle && "$SKIFF_BIN/skiff-runtime" spec)
jq --arg shared "$shared" --arg inner "$PWD/inner" --arg look "$look" '.process.terminal = false
  | .process.args = ["sh", "-c", $look] | .process.cwd = "/shared/place/w" | .root.readonly = false
  | .mounts += [{destination: "/shared", type: "bind", source: $shared, options: ["bind"]},
    {destination: "/shared/place/t", type: "tmpfs", source: "tmpfs"},
    {destination: "/shared/place/v", type: "bind", source: $inner, options: ["bind"]},
    {destination: "/shared/place/p", type: "proc", source: "proc"},
    {destination: "/shared/place/c", type: "cgroup", source: "cgroup"}]
  | .linux.devices = [{path: "/shared/place/d/null", type: "c", major: 1, minor: 3}]
  | .linux.maskedPaths += ["/shared/place/t"] | .linux.readonlyPaths += ["/shared/place/v"]' bundle/config.json >config.json
mv config.json bundle/config.json
for round in $(seq "$ROUNDS"); do
  OUT=$("$SKIFF_BIN/skiff-runtime" --root state run --bundle bundle "$N-$round" 2>&1 </dev/null) || true
  count
  [ $((round % 500)) != 0 ] || echo "$round rounds: $started started, $refused were refused"
done
echo "$ROUNDS rounds: $started started, $refused were refused"
[ "$started" -gt $((ROUNDS / 10)) ] || fail "too few of them started: $OUT"
docker rm -f "$N-link" "$N-absolute" >/dev/null
docker volume rm "$N" "$N-inner" >/dev/null
