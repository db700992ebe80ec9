needs skopeo
push_sample
skopeo --debug copy --all oci:sample:multi "docker://$REGISTRY/$N:again" >log 2>&1 || fail "$(tail -3 log)"
expect_not_contains "$(cat log)" "Uploading /v2/$N/blobs"
expect_contains "$(cat log)" "already exists"
