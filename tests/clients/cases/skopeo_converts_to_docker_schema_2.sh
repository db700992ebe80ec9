needs skopeo
layout sample
skopeo copy -q --all --format v2s2 oci:sample:multi "docker://$REGISTRY/$N:docker"
expect_eq "$(raw "$REGISTRY/$N:docker" | jq -r .mediaType)" application/vnd.docker.distribution.manifest.list.v2+json
child=$(raw "$REGISTRY/$N:docker" | jq -r '.manifests[1].digest')
expect_eq "$(raw "$REGISTRY/$N@$child" | jq -r .mediaType)" application/vnd.docker.distribution.manifest.v2+json
