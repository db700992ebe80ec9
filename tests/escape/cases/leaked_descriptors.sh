# CVE-2024-21626, CVE-2026-55686: no descriptor of ours stands open in a container, and a working
# directory of /proc/self/fd/N, or a link to one, leads nowhere: for run, exec and build.
with_probe "$N"
# expect_no_descriptors COMMAND...: which lists /proc/self/fd.
expect_no_descriptors() {
  "$@" >facts
  grep -q '^namespace mnt' facts || fail "the program said nothing: $*"
  expect_eq "$(grep '^descriptor' facts || true)" "" "descriptors left open"
}
docker run -d --name "$N" "$N" sleep 1000 >/dev/null
expect_no_descriptors docker run --rm "$N" /probe facts
expect_no_descriptors docker run --rm --init "$N" /probe facts
expect_no_descriptors docker run --rm -t "$N" /probe facts
expect_no_descriptors docker exec "$N" /probe facts
expect_no_descriptors docker exec -t "$N" /probe facts
printf 'FROM %s\nRUN /probe facts\n' "$N" >Dockerfile
expect_no_descriptors docker build --no-cache .

up=../../../../../..
# Relative to where it would be, were it outside.
look="pwd; cat $up$SENTINEL/secret; touch $up$SENTINEL/made"
mkdir -p files
for fd in $(seq 3 64); do ln -s /proc/self/fd/$fd files/link$fd; done
image "$N:links" files
docker run -d --name "$N-links" "$N:links" sleep 1000 >/dev/null
for fd in $(seq 3 64); do
  for place in "/proc/self/fd/$fd" "/proc/self/fd/$fd/$up" "/link$fd"; do
    expect_no_secret skiff run --rm --network none -w "$place" "$N:links" sh -c "$look"
    expect_no_secret skiff exec -w "$place" "$N-links" sh -c "$look"
  done
done
for fd in 3 4 5 6 7 8 9 10 11 12 20 30 64; do
  for place in "/proc/self/fd/$fd" "/link$fd"; do
    printf 'FROM %s:links\nWORKDIR %s\nRUN %s || true\n' "$N" "$place" "$look" >Dockerfile
    expect_no_secret docker build --no-cache .
  done
done
docker rm -f "$N" "$N-links" >/dev/null
