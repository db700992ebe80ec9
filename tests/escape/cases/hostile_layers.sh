# CVE-2021-29136, CVE-2021-32760, CVE-2021-41089, CVE-2021-20291, CVE-2025-47290: the corpus of
# archives.py as layers that are loaded and imported, and containers made of them. Each is refused or
# stays inside, in bounded time and memory.
own_daemon
python3 "$SKIFF_CASES/archives.py" "$SENTINEL" archives
docker save -o good.tar "$IMAGE"
mkdir good wrapped
tar -C good -xf good.tar
config=$(jq -r '.[0].Config' good/manifest.json)
echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$N:loaded\"],\"Layers\":[\"layer.tar\"]}]" >wrapped/manifest.json
# A docker-archive of one layer, the file.
as_image() {
  local digest
  cp "$1" wrapped/layer.tar
  digest=$( (gzip -dc "$1" 2>/dev/null || cat "$1") | sha256sum | cut -d' ' -f1)
  jq ".rootfs.diff_ids = [\"sha256:$digest\"] | .history = []" "good/$config" >wrapped/config.json
  tar -C wrapped -cf - config.json manifest.json layer.tar
}
# What the image gives a container.
looked_at() {
  skiff create --pull never --name "$N-made" "$1" true >/dev/null 2>&1 || return 0
  for path in /hard /link /link/secret /twice; do expect_no_secret skiff cp -L "$N-made:$path" -; done
  expect_no_secret sh -c "'$SKIFF_BIN/skiff' export $N-made | head -c 50000000"
  skiff rm -f "$N-made" >/dev/null
  skiff rmi -f "$1" >/dev/null
}
for file in archives/*.tar; do
  name=$(basename "$file" .tar)
  as_image "$file" >image.tar
  expect_no_secret timeout 60 "$SKIFF_BIN/skiff" load -i image.tar
  echo "$name: ${OUT##*$'\n'}" | cut -c -300
  expect_no_secret timeout 60 "$SKIFF_BIN/skiff" import "$file" "$N:imported"
  looked_at "$N:loaded"
  looked_at "$N:imported"
  skiff version >/dev/null || fail "the daemon is gone after $name"
  unharmed "$name"
done
# An image's overlay attributes are nobody's.
docker import archives/attributes.tar "$N:attributes" >/dev/null && docker create --name "$N-made" "$N:attributes" true >/dev/null
OUT=$(docker export "$N-made" 2>/dev/null | grep -ac trusted.overlay || true)
expect_eq "${OUT:-0}" 0 "overlay attributes of an image are kept"
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$OWN_PID/status")
echo "the daemon's peak was $peak KiB"
[ "$peak" -lt $((128 << 10)) ] || fail "the daemon's peak was $peak KiB"
