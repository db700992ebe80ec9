# CVE-2021-41091, CVE-2021-41103, CVE-2024-25621: another user of the host finds nothing in our
# directories: no program with a set-user-id bit, no file of a container or volume, no log.
own_daemon
cp /bin/true suid
chmod 4755 suid
docker run -d --name "$N" -v volume:/v "$IMAGE" sh -c 'cp /bin/busybox /v/suid; chmod 4755 /v/suid; echo out; sleep 1000' >/dev/null
docker cp suid "$N:/suid"
docker commit "$N" "$N" >/dev/null
printf 'FROM %s\nCOPY suid /again\nRUN chmod 4755 /again\n' "$N" >Dockerfile
docker build -q . >/dev/null
eventually sh -c "docker logs $N | grep -q out"
# The case's own way there is open.
chmod 0711 . "$OWN"
chmod 0711 ../..
another() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
another test -x "$OWN" || fail "the other user does not get as far as our directories"
for directory in root run; do
  expect_eq "$(another find "$OWN/$directory" -mindepth 1 2>/dev/null || true)" "" "another user lists $directory"
done
# By name, too.
find "$OWN/root" "$OWN/run" -xdev -type f >files
[ "$(wc -l <files)" -gt 20 ] || fail "there are too few files to look at"
another sh -c 'while read -r file; do [ ! -r "$file" ] && [ ! -x "$file" ] || echo "$file"; done' <files >open
expect_eq "$(head -5 open)" "" "another user opens files"
expect_eq "$(find "$OWN/root" "$OWN/run" -xdev -maxdepth 2 -type d -perm /022 | head -5)" "" "directories that others may write"
expect_eq "$(stat -c %a "$OWN/skiff.sock")" 660
