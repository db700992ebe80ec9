needs docker
layout sample
for platform in amd64 arm64; do skopeo copy -q --override-arch $platform oci:sample:multi "docker://$REGISTRY/$N:$platform"; done
docker buildx imagetools create -t "$REGISTRY/$N:all" "$REGISTRY/$N:amd64" 2>/dev/null
docker buildx imagetools create --append -t "$REGISTRY/$N:all" "$REGISTRY/$N:arm64" 2>/dev/null
expect_eq "$(raw "$REGISTRY/$N:all" | jq '.manifests | length')" 2
