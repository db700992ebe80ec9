# Two engines, with roots, umasks and times of their own.
skiff() { "$SKIFF_BIN/skiff" "$@"; }
# A base of its own, which nobody has pushed so far.
base=$REGISTRY/$N:base
echo "$N" >own-base
cp "$BASE_TAR" own.tar
tar -rf own.tar own-base
docker import own.tar "$base" >/dev/null
mkdir -p ctx/d
echo data > ctx/d/a
cat > ctx/Dockerfile <<D
FROM $base
COPY d /d
WORKDIR /made/here
RUN mkdir sub && echo text > sub/file && ln sub/file sub/linked && ln -s file sub/symbolic
CMD ["/bin/true"]
D
docker save "$base" > base.tar
digest_of() { skiff build "$@" -t "$N:r" --metadata-file meta ctx >/dev/null && jq -r '."containerimage.digest"' meta; }
first=$(digest_of --reproducible)
epoch=$(SOURCE_DATE_EPOCH=1700000000 digest_of --reproducible)
expect_eq "$(SOURCE_DATE_EPOCH=1700000000 docker image inspect -f '{{.Created}}' "$N:r")" 2023-11-14T22:13:20Z
docker rmi "$N:r" >/dev/null
touch -d 2024-02-02 ctx/d/a # after both epochs, as checked out files are
(umask 077; own_daemon; docker load -q -i base.tar >/dev/null
  digest_of --reproducible > second; SOURCE_DATE_EPOCH=1700000000 digest_of --reproducible > third
  digest_of > plain; stop_own_daemon)
expect_eq "$(cat second)" "$first"
expect_eq "$(cat third)" "$epoch"
[ "$(cat plain)" != "$first" ] || fail "times are rewritten without being asked"
# Nor does it matter where the image goes, and whether the base has been pushed.
each_digest() {
  digest_of --reproducible --no-cache
  digest_of --reproducible --no-cache -o type=oci,dest=image.tar
  digest_of --reproducible --no-cache -o "type=image,push=true,store=false,name=$REGISTRY/$N:r"
}
expect_eq "$(each_digest | sort -u)" "$first"
docker push -q "$base" >/dev/null
expect_eq "$(each_digest | sort -u)" "$first"
# The files, too.
skiff build --reproducible -o type=tar,dest=one.tar ctx >/dev/null
skiff build --reproducible --no-cache -o type=tar,dest=two.tar ctx >/dev/null
cmp one.tar two.tar
