needs skopeo
layout sample
skopeo copy -q --override-arch arm64 oci:sample:multi "docker://$REGISTRY/$N:arm"
expect_eq "$(raw "$REGISTRY/$N:arm" | jq -r .mediaType)" application/vnd.oci.image.manifest.v1+json
expect_eq "$(skopeo inspect --config "docker://$REGISTRY/$N:arm" | jq -r .architecture)" arm64
