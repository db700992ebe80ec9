skiff() { "$SKIFF_BIN/skiff" "$@"; }
export DOCKER_CONFIG=$PWD/client
mkdir -p ctx client
for arch in amd64 arm64; do
  printf 'FROM scratch\nCOPY f /f\n' > ctx/Dockerfile
  echo "$arch" > ctx/f
  skiff build --platform "linux/$arch" --push -t "$REGISTRY/$N:$arch" ctx >/dev/null
done
list=$REGISTRY/$N:all
expect_eq "$(skiff manifest create "$list" "$REGISTRY/$N:amd64" "$REGISTRY/$N:arm64")" "Created manifest list $list"
expect_exit 1 skiff manifest create "$list" "$REGISTRY/$N:amd64"
expect_contains "$OUT" "refusing to amend an existing manifest list with no --amend flag"
skiff manifest create --amend "$list" "$REGISTRY/$N:arm64" >/dev/null
skiff manifest annotate --variant v8 --os-features a,b "$list" "$REGISTRY/$N:arm64"
expect_exit 1 skiff manifest annotate --arch foo "$list" "$REGISTRY/$N:arm64"
expect_contains "$OUT" "unsupported os/arch combination: linux/foo"
expect_exit 1 skiff manifest annotate --arch arm "$list" "$REGISTRY/$N:nope"
expect_contains "$OUT" "manifest for image $REGISTRY/$N:nope does not exist in $list"
skiff manifest inspect "$list" > local.json
# As docker does it, to the byte.
docker manifest create --insecure "$list" "$REGISTRY/$N:amd64" "$REGISTRY/$N:arm64" >/dev/null
docker manifest annotate --variant v8 --os-features a,b "$list" "$REGISTRY/$N:arm64"
expect_eq "$(cat local.json)" "$(docker manifest inspect "$list")"
expect_eq "$(skiff manifest push "$list")" "$(docker manifest push --insecure "$list")"
for options in "" -v; do
  expect_eq "$(skiff manifest inspect $options "$REGISTRY/$N:arm64")" "$(docker manifest inspect $options --insecure "$REGISTRY/$N:arm64")"
done
docker manifest rm "$list" >/dev/null
skiff manifest rm "$list"
expect_eq "$(skiff manifest inspect -v "$list" | jq -c '[.[].Ref]')" "$(docker manifest inspect --insecure -v "$list" | jq -c '[.[].Ref]')"
expect_exit 1 skiff manifest rm "$list"
expect_eq "$OUT" "No such manifest: $list"
expect_exit 1 skiff manifest push "$list"
expect_exit 1 skiff manifest inspect "$REGISTRY/$N:nothere"
expect_eq "$OUT" "no such manifest: $REGISTRY/$N:nothere"
expect_exit 1 skiff manifest create "$REGISTRY/$N:two" "$list"
expect_contains "$OUT" "is a manifest list"
expect_eq "$(skopeo inspect --tls-verify=false --override-arch arm64 --override-variant v8 "docker://$list" | jq -r .Architecture)" arm64
# From one repository into another.
skiff manifest create "$REGISTRY/$N-other:1" "$REGISTRY/$N:amd64" >/dev/null
skiff manifest push --purge "$REGISTRY/$N-other:1" >/dev/null
expect_exit 1 skiff manifest push "$REGISTRY/$N-other:1"
skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/$N-other:1" dir:copied
docker rmi "$REGISTRY/$N:amd64" "$REGISTRY/$N:arm64" >/dev/null
