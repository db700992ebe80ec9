# CVE-2026-41579, CVE-2026-47766: a /dev that is a link. CVE-2025-31133: a /dev/null that is one, which
# masks would be made of. CVE-2025-52565: terminals and consoles swapped for links.
with_probe "$N"
mkdir -p link
ln -s "$SENTINEL" link/dev
image "$N:link" link
expect_no_secret docker run --rm "$N:link" cat /dev/secret
expect_no_secret docker run --rm -t "$N:link" cat /dev/secret
expect_no_secret docker run --rm --privileged --cap-drop ALL "$N:link" cat /dev/secret
printf 'FROM %s:link\nRUN cat /dev/secret\n' "$N" >Dockerfile
expect_no_secret docker build --no-cache .

# A volume over /dev whose files lead elsewhere.
for target in "$SENTINEL/secret" "../../../../../../../..$SENTINEL/secret" /proc/self/exe /proc/sys/kernel/core_pattern; do
  docker volume create "$N" >/dev/null
  docker run --rm -v "$N:/v" "$IMAGE" sh -c "mkdir /v/pts; for name in null zero full random urandom tty console ptmx core fd shm mqueue pts/ptmx pts/0; do ln -s $target /v/\$name; done"
  for flags in "" -t --init; do
    expect_no_secret docker run --rm $flags -v "$N:/dev" "$IMAGE" sh -c 'cat /dev/null /dev/console /proc/kcore | head -c 1000; echo x >/proc/sysrq-trigger'
  done
  docker volume rm "$N" >/dev/null
done

# A container that may mount puts other files over its own terminals; exec is given one.
docker run -d --name "$N" --cap-add SYS_ADMIN --security-opt seccomp=unconfined "$N" sh -c \
  'touch /own; mount --bind /own /dev/pts/ptmx; mount --bind /own /dev/null; echo ready; sleep 1000' >/dev/null
eventually sh -c "docker logs $N | grep -q ready"
harmless docker exec -t "$N" true
harmless docker exec "$N" true </dev/null
docker exec "$N" sh -c 'umount /dev/null /dev/pts/ptmx 2>/dev/null; mount -t tmpfs none /dev; mkdir /dev/pts; ln -s /proc/1/fd/1 /dev/pts/ptmx; mkfifo /dev/null' || true
harmless timeout 20 docker exec -t "$N" true
harmless timeout 20 docker exec "$N" true </dev/null
docker rm -f "$N" >/dev/null

# A terminal while a directory of devices is swapped by another container with the same volume.
docker volume create "$N" >/dev/null
docker run --rm -v "$N:/v" "$IMAGE" sh -c "mkdir -p /v/dev; ln -s $SENTINEL /v/link"
docker run -d --cpu-shares 2 --name "$N" -v "$N:/v" -w /v "$N" /probe swap dev link >/dev/null
for _ in $(seq $((ROUNDS / 4))); do
  expect_no_secret skiff run --rm -t --network none -v "$N:/v" --tmpfs /v/dev/shm --device /dev/null:/v/dev/null "$IMAGE" cat /v/dev/secret
done
docker rm -f "$N" >/dev/null
docker volume rm "$N" >/dev/null
