# CVE-2021-41089, CVE-2026-41567, CVE-2024-1753: the corpus of archives.py copied into a container that
# stands and one that runs, added by a build, and as a build's context. Each is refused or stays inside.
own_daemon
python3 "$SKIFF_CASES/archives.py" "$SENTINEL" archives
mkdir context
docker create --name "$N" "$IMAGE" true >/dev/null
docker run -d --name "$N-runs" "$IMAGE" sleep 1000 >/dev/null
printf 'FROM %s\nADD archive.tar /added/\nCOPY archive.tar /\nRUN cat /added/hard /added/link /added/link/secret\n' "$IMAGE" >context/Dockerfile
printf 'FROM %s\nCOPY . /got\nRUN cat /got/hard /got/link\n' "$IMAGE" >Dockerfile
tar -cf head.tar Dockerfile
for file in archives/*.tar; do
  name=$(basename "$file" .tar)
  expect_no_secret timeout 60 "$SKIFF_BIN/skiff" cp - "$N:/" <"$file"
  expect_no_secret timeout 60 "$SKIFF_BIN/skiff" cp - "$N-runs:/usr/share/doc" <"$file"
  for path in /hard /link /link/secret /twice; do expect_no_secret skiff cp -L "$N:$path" -; done
  cp "$file" context/archive.tar
  expect_no_secret timeout 60 "$SKIFF_BIN/skiff" build --no-cache context
  (gzip -dc "$file" 2>/dev/null || cat "$file") >plain.tar
  expect_no_secret timeout 60 "$SKIFF_BIN/skiff" build --no-cache - < <(head -c 1024 head.tar; cat plain.tar)
  skiff version >/dev/null || fail "the daemon is gone after $name"
  unharmed "$name"
done
# A device that an archive made is not opened.
OUT=$(docker exec "$N-runs" head -c 1 /usr/share/doc/disk 2>&1) && fail "a device of an archive was opened"
docker rm -f "$N" "$N-runs" >/dev/null
