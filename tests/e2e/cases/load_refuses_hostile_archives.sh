echo junk > junk
tar -cf up.tar --transform 's,junk,../../junk,' -P junk
expect_exit 1 docker load -i up.tar
docker save -o good.tar "$IMAGE"
head -c 20000 good.tar > cut.tar
expect_exit 1 docker load -i cut.tar
mkdir t
tar -C t -xf good.tar
# Absolute names are of the archive, as docker has it.
tar -C t -cPf absolute.tar --transform 's,^\./,/,' .
expect_contains "$(tar -tPf absolute.tar)" /manifest.json
docker load -q -i absolute.tar
layer=$(jq -r '.[0].Layers[0]' t/manifest.json)
# One byte of the layer is another; all that names it is as it was.
byte=$(od -An -tu1 -j 3000 -N 1 "t/$layer")
printf "\\x$(printf %02x $((byte ^ 255)))" | dd of="t/$layer" bs=1 seek=3000 conv=notrunc 2>/dev/null
sed -i "s,busybox:e2e,$N:flipped," t/manifest.json
tar -C t -cf flipped.tar .
# Refused where the good layer is stored already, and by an engine that lacks it.
expect_exit 1 docker load -i flipped.tar
expect_contains "$OUT" "sha256:"
expect_exit 1 docker image inspect "$N:flipped"
expect_exit 1 docker load -i junk
own_daemon
docker rmi -f "$IMAGE" >/dev/null
expect_exit 1 docker load -i flipped.tar
expect_contains "$OUT" "sha256:"
expect_eq "$(docker images -aq)" ""
