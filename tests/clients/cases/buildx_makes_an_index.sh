needs docker
layout sample
for platform in amd64 arm64; do skopeo copy -q --override-arch $platform oci:sample:multi "docker://$REGISTRY/$N:$platform"; done
docker buildx imagetools create -t "$REGISTRY/$N:all" "$REGISTRY/$N:amd64" "$REGISTRY/$N:arm64" 2>/dev/null
expect_eq "$(raw "$REGISTRY/$N:all" | jq -c '[.manifests[].platform.architecture]')" '["amd64","arm64"]'
