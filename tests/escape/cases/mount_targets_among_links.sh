# CVE-2019-18837, CVE-2019-18466, CVE-2026-42306: every kind of mount, in an image all of whose
# directories are links that lead out.
mkdir -p files
out=../../../../../../../..$SENTINEL
ln -s "$SENTINEL/empty" files/absolute
ln -s "$out/empty" files/relative
ln -s "$SENTINEL/missing" files/missing
ln -s "$SENTINEL/secret" files/file
ln -s absolute files/chain
ln -s loop files/loop
for name in var run opt srv mnt; do ln -s "$SENTINEL/directory" files/$name; done
image "$N" files
docker volume create "$N" >/dev/null
echo own >own
for place in /absolute /relative /missing /file /chain /loop /absolute/new /relative/new/deep /missing/new /var /run/lock /opt/x /srv /mnt/../mnt/x; do
  for flags in "-v $N:$place" "-v $PWD/own:$place" "-v $PWD/own:$place:ro" "--tmpfs $place" \
    "--mount type=tmpfs,destination=$place" "--device /dev/null:$place" "-w $place" "-v $place"; do
    expect_no_secret skiff run --rm --network none $flags "$N" cat "$place" "$place/secret" "$place/inner/file"
  done
  expect_no_secret skiff run --rm --network none -v "$N:$place:nocopy" "$N" ls "$place"
done
docker volume rm "$N" >/dev/null
# CVE-2022-23648: an image's volumes get what stands there in the image, and nothing of the host's.
i=0
for place in /absolute /relative /missing /chain /var /run/inner /../../..$SENTINEL; do
  i=$((i + 1))
  docker import --change "VOLUME $place" --change 'CMD ["sh", "-c", "find / -xdev -name secret; cat '$place'/secret '$place'/inner/file"]' image.tar "$N:volume$i" >/dev/null || continue
  expect_no_secret docker run --rm "$N:volume$i"
done
