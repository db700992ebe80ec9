needs docker
layout sample
for platform in amd64 arm64; do
  skopeo copy -q --format v2s2 --override-arch $platform oci:sample:multi "docker://$REGISTRY/$N:$platform"
done
docker manifest create --insecure "$REGISTRY/$N:all" "$REGISTRY/$N:amd64" "$REGISTRY/$N:arm64" >/dev/null
docker manifest annotate --variant v8 "$REGISTRY/$N:all" "$REGISTRY/$N:arm64"
docker manifest push --insecure "$REGISTRY/$N:all" >/dev/null
expect_eq "$(raw "$REGISTRY/$N:all" | jq -c '[.manifests[].platform.architecture]')" '["amd64","arm64"]'
expect_eq "$(raw "$REGISTRY/$N:all" | jq -r '.manifests[1].platform.variant')" v8
