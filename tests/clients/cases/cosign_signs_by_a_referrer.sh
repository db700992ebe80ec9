needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
peers env COSIGN_EXPERIMENTAL=1 cosign sign -y --key cosign.key $(offline sign) --registry-referrers-mode=oci-1-1 "$image"
expect_eq "$(skopeo list-tags "docker://$REGISTRY/$N" | jq -c .Tags)" '["1"]'
expect_eq "$(api GET "$N/referrers/$(sample_digest)")" 200
expect_eq "$(jq '.manifests | length' answer)" 1
peers env COSIGN_EXPERIMENTAL=1 cosign verify --key cosign.pub --insecure-ignore-tlog --experimental-oci11 "$image" >told
expect_eq "$(jq -r '.[0].critical.image["docker-manifest-digest"]' told)" "$(sample_digest)"
