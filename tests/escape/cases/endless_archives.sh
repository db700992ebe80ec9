# CVE-2021-20291, CVE-2025-47290 and what ends other daemons: archives of very many entries, very long
# names and PAX headers without end, as they come, as layers that are imported, ADDed, contexts and
# copied into a container. Each is taken or refused in words; the daemon's memory is limited throughout.
# --long: 10 million entries.
own_daemon
COUNT=500000 SOME=10000 MEGABYTES=100
[ "$ROUNDS" -le 100 ] || COUNT=10000000 SOME=500000 MEGABYTES=2000
# What the index of a layer may take (docs/formats/erofs-index.md), and a little.
limit_kib=$(((512 + 64) << 10))
docker run -d --name "$N" "$IMAGE" sleep 10000 >/dev/null
endless() { python3 "$SKIFF_CASES/endless.py" "$@" | gzip -1; }
held() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$OWN_PID/status"; }
holds_little() { [ "$(held)" -lt $((72 << 10)) ]; }
# look WHAT LIMIT: the daemon lives, has not held more than LIMIT KiB since the last look, and holds
# little soon.
look() {
  local peak now
  skiff version >/dev/null || fail "the daemon is gone after $1"
  peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$OWN_PID/status")
  (eventually holds_little) || true
  now=$(held)
  echo "$1: $(echo "$OUT" | tail -1 | cut -c -200); peak $peak KiB, now $now KiB"
  [ "$peak" -lt "$2" ] || fail "$1: the daemon held $peak KiB"
  [ "$now" -lt $((72 << 10)) ] || fail "$1: the daemon keeps $now KiB"
  echo 5 >"/proc/$OWN_PID/clear_refs"
}
try() {
  local name=$1 limit=$2
  shift 2
  expect_no_secret "$@"
  look "$name" "$limit"
}
import() { endless "$@" | skiff import - "$N:endless"; skiff rmi "$N:endless" || true; }
# Many entries: a layer of them is looked at as a whole, up to its limit.
try "$COUNT files as a layer" $limit_kib import files "$COUNT"
try "$COUNT files in one directory as a layer" $limit_kib import flat "$COUNT"
try "$SOME deep names as a layer" $limit_kib import names "$SOME"
small=$((72 << 10)) # of which some 58 are what the builds before have left
into() { endless "$@" | gzip -d | skiff cp - "$N:/tmp"; docker exec "$N" sh -c 'rm -rf /tmp/*'; }
add() {
  rm -rf context
  mkdir context
  endless "$@" >context/archive.tar.gz
  printf 'FROM %s\nADD archive.tar.gz /added/\n' "$IMAGE" >context/Dockerfile
  skiff build --no-cache context
}
context() {
  printf 'FROM %s\nCOPY Dockerfile /\n' "$IMAGE" >Dockerfile
  { tar -cf - Dockerfile | head -c 1024; endless "$@" | gzip -d; } | skiff build --no-cache -
}
# A build holds more than a copy: threads of its own, and layers that are compressed by all processors.
bound() { case $1 in add | context) echo $((96 << 10)) ;; *) echo "$small" ;; esac; }
for way in into add context; do
  try "$SOME files, $way" "$(bound $way)" $way files "$SOME"
  try "$SOME files in one directory, $way" "$(bound $way)" $way flat "$SOME"
  try "a deep name, $way" "$(bound $way)" $way names 1
done
# Headers: what they say is limited, however many there are.
for way in import into add context; do
  for kind in records globals record long; do
    try "$MEGABYTES MB of $kind, $way" "$(bound $way)" $way "$kind" "$MEGABYTES"
  done
done
