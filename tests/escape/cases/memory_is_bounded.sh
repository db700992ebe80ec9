# CVE-2022-23471, CVE-2022-31030, CVE-2023-25153, CVE-2025-64329, CVE-2026-47262, CVE-2023-2253,
# CVE-2024-3056: what a client, an image or a container may send or hold without end costs each of our
# processes less than 64 MB.
own_daemon
limit_kib=$((64 << 10))
# The daemon, the registry and the monitors of all containers.
ours() {
  local words pid
  words=$OWN/$(docker ps -q --no-trunc | sed 's/^/|/' | tr -d '\n')
  for pid in $(pgrep -f "$words"); do
    case "$(cat "/proc/$pid/comm" 2>/dev/null)" in skiff*) echo "$pid" ;; esac
  done
}
forget_peaks() { local pid; for pid in $(ours); do echo 5 >"/proc/$pid/clear_refs"; done; }
# expect_small WHAT: none of them has held more since the last such look.
expect_small() {
  local pid peak
  for pid in $(ours); do
    peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)
    echo "$1: $(cat "/proc/$pid/comm" 2>/dev/null) $peak KiB"
    [ "${peak:-0}" -lt $limit_kib ] || fail "$1: process $pid holds $peak KiB"
  done
  skiff version >/dev/null
  forget_peaks
}
api() { curl -s --max-time 20 --unix-socket "$OWN/skiff.sock" "$@"; }
post() { api -X POST -H 'Content-Type: application/json' "$@"; }
zeros() { head -c "$1" /dev/zero; }

# Files of the image that are read: 2 GB of nothing, and 300 MB of lines.
mkdir -p files/etc
truncate -s 2G files/etc/passwd
truncate -s 2G files/etc/group
tar -C files --sparse -cf sparse.tar etc
docker import sparse.tar "$N:huge" >/dev/null
forget_peaks
harmless docker run --rm -u app "$N:huge" true
# A context of its own, itself larger than what may be held.
mkdir context
truncate -s 300M context/zeros
printf 'FROM %s:huge\nUSER app\nRUN true\nCOPY --chown=app:app Dockerfile /\n' "$N" >context/Dockerfile
harmless docker build -q context
expect_small "huge passwd and group, a context of 300 MB"
docker run -d --name "$N" "$IMAGE" sh -c 'yes "name:x:5:5:a:/:/bin/sh" | head -c 300000000 >/etc/passwd; yes "name:x:5:app" | head -c 300000000 >/etc/group; echo ready; sleep 1000' >/dev/null
eventually sh -c "docker logs $N | grep -q ready"
harmless docker exec -u app "$N" true
expect_small "passwd of 300 MB in exec"

# Output that nobody reads, or slowly; one line without end.
timeout 3 docker exec "$N" cat /dev/zero 2>/dev/null | { sleep 2; head -c 1000 >/dev/null; } || true
expect_small "exec output that is not read"
timeout 5 docker exec "$N" head -c 300000000 /dev/zero >/dev/null || true
expect_small "exec output of 300 MB"
docker run -d --name "$N-line" --log-opt max-size=1m "$IMAGE" sh -c 'head -c 100000000 /dev/zero | tr "\0" x; sleep 1000' >/dev/null
timeout 3 docker logs -f "$N-line" | { sleep 2; head -c 1000 >/dev/null; } || true
expect_small "one line of 100 MB"
attached=()
for _ in $(seq 20); do
  timeout -s KILL 4 docker attach --no-stdin "$N-line" >/dev/null 2>&1 &
  attached+=($!)
done
sleep 1
expect_small "twenty that attach"
wait "${attached[@]}" 2>/dev/null || true

# Terminals resized without end, and to what cannot be.
docker run -d -t --name "$N-tty" "$IMAGE" sleep 1000 >/dev/null
for i in $(seq 300); do echo "url = \"http://x/containers/$N-tty/resize?h=$i&w=$((i * 7))\""; done >urls
for size in 'h=-1&w=-1' 'h=99999999999999999999&w=1' 'h=65536&w=65536' 'h=x&w=' ''; do echo "url = \"http://x/containers/$N-tty/resize?$size\""; done >>urls
api -X POST -K urls >/dev/null
expect_small "resize"

# Bodies without end: JSON, its depth, a header.
zeros 200000000 | tr '\0' ' ' | post --data-binary @- "http://x/containers/create?name=$N-body" >/dev/null || true
{ printf '{"Image":"%s","Env":["' "$IMAGE"; zeros 200000000 | tr '\0' a; printf '"]}'; } | post --data-binary @- http://x/containers/create >/dev/null || true
zeros 50000000 | tr '\0' '[' | post --data-binary @- http://x/containers/create >/dev/null || true
zeros 8000000 | tr '\0' '[' | post --data-binary @- http://x/containers/create >/dev/null || true
zeros 50000000 | tr '\0' a | post -H @- http://x/containers/create >/dev/null || true
expect_small "bodies of 200 MB"
zeros 100000000 | tr '\0' a | api -T - -X PUT "http://x/containers/$N/archive?path=/tmp" >/dev/null || true
zeros 300000000 | api -T - -X POST http://x/images/load >/dev/null || true
expect_small "archives that are none"

# The registry's catalog and tags, whatever size is asked for.
setsid "$SKIFF_BIN/skiff-registry" serve --root "$OWN/registry" --listen 127.0.0.1:0 >"$OWN/registry.log" 2>&1 &
registry=$!
trap 'kill $registry; stop_own_daemon' EXIT
eventually grep -qoE '127\.0\.0\.1:[0-9]+' "$OWN/registry.log"
address=$(grep -oE '127\.0\.0\.1:[0-9]+' "$OWN/registry.log" | head -1)
for n in 2147483647 18446744073709551615 99999999999999999999999 -1 x; do
  curl -s "http://$address/v2/_catalog?n=$n" >/dev/null
  curl -s "http://$address/v2/a/tags/list?n=$n" >/dev/null
done
zeros 200000000 | curl -s -T - -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' "http://$address/v2/a/manifests/latest" >/dev/null || true
expect_small "catalog and manifests of 200 MB"
