needs skopeo
layout sample
skopeo copy -q --dest-decompress oci:sample:multi dir:plain
skopeo copy -q --dest-compress-format zstd:chunked dir:plain "docker://$REGISTRY/$N:chunked"
expect_contains "$(raw "$REGISTRY/$N:chunked" | jq -c '.layers[0].annotations')" io.github.containers.zstd-chunked.manifest-checksum
skopeo copy -q "docker://$REGISTRY/$N:chunked" dir:back
