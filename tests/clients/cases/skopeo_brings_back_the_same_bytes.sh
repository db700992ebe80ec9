needs skopeo
push_sample
skopeo copy -q --all "docker://$REGISTRY/$N:1" oci:back:multi
expect_eq "$(jq -r '.manifests[0].digest' back/index.json)" "$(sample_digest)"
diff -r sample/blobs back/blobs
