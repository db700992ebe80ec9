needs skopeo
upstream_registry
REGISTRY_FLAGS=(--upstream "up=http://$UPSTREAM,revalidate=0" --cache-size 1g)
own_registry
skopeo copy -q --all "docker://$REGISTRY/up/library/$N:1" oci:pulled:1
expect_eq "$(jq -r '.manifests[0].digest' pulled/index.json)" "$(sample_digest)"
# Of its files three are the index and the manifests.
blobs=$(($(ls sample/blobs/sha256 | wc -l) - 3))
eventually upstream_was_asked $blobs GET /blobs/
skopeo copy -q --all "docker://$REGISTRY/up/library/$N:1" oci:again:1
expect_eq "$(upstream_asked GET /blobs/)" "$blobs" "blobs fetched from the upstream"
expect_contains "$(skopeo list-tags "docker://$REGISTRY/up/library/$N")" '"1"'
expect_exit 1 skopeo copy -q oci:sample:multi "docker://$REGISTRY/up/library/$N:2"
# What was fetched outlives its registry.
kill "$UPSTREAM_PID"
wait "$UPSTREAM_PID" || true
skopeo copy -q --all "docker://$REGISTRY/up/library/$N:1" oci:later:1
expect_eq "$(jq -r '.manifests[0].digest' later/index.json)" "$(sample_digest)"
