# CVE-2018-15664, CVE-2019-10152, CVE-2026-41568: `cp` into and out of a running container that swaps
# a directory for a link to the host's tree. CVE-2019-14271, CVE-2026-41567: nothing of the container
# is executed for it.
with_probe "$N"
docker run -d --cpu-shares 2 --name "$N" "$N" sh -c "mkdir -p /x/place/directory/inner; ln -s $SENTINEL /x/link; cd /x; exec /probe swap place link" >/dev/null
eventually docker exec "$N" test -e /x/link -o -L /x/link
echo new >file
for _ in $(seq $((ROUNDS < 1000 ? ROUNDS : 1000))); do
  expect_no_secret skiff cp file "$N:/x/place/secret"
  expect_no_secret skiff cp file "$N:/x/place/directory/inner/file"
  expect_no_secret skiff cp "$N:/x/place/secret" -
  expect_no_secret skiff cp "$N:/x/place/" -
done
skiff version >/dev/null
docker rm -f "$N" >/dev/null
# Its tar and its libc are traps.
mkdir -p files/{bin,lib,usr/bin,etc}
printf '#!/bin/sh\necho trap >/trapped; exit 1\n' >files/usr/bin/tar
chmod +x files/usr/bin/tar
echo 'passwd: trap' >files/etc/nsswitch.conf
echo /lib/trap.so >files/etc/ld.so.preload
ln -s "$SENTINEL" files/out
image "$N:trap" files
docker create --name "$N" "$N:trap" true >/dev/null
docker cp file "$N:/etc/file"
expect_no_secret docker cp "$N:/out/secret" -
expect_no_secret docker cp -L "$N:/out/secret" -
harmless docker cp file "$N:/out/secret"
docker export "$N" | tar -t >listed
expect_not_contains "$(cat listed)" trapped
expect_not_contains "$(docker diff "$N")" trapped
docker rm -f "$N" >/dev/null
