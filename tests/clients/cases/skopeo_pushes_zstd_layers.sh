needs skopeo
layout sample
skopeo copy -q --dest-decompress oci:sample:multi dir:plain
skopeo copy -q --dest-compress-format zstd dir:plain "docker://$REGISTRY/$N:zstd"
expect_eq "$(raw "$REGISTRY/$N:zstd" | jq -r '.layers[].mediaType' | sort -u)" application/vnd.oci.image.layer.v1.tar+zstd
skopeo copy -q "docker://$REGISTRY/$N:zstd" dir:back
