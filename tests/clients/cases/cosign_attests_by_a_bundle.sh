needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
echo '{"built":"here"}' >predicate
cosign attest -y --key cosign.key $(offline attest) --new-bundle-format --predicate predicate --type custom "$image"
expect_eq "$(api GET "$N/referrers/$(sample_digest)")" 200
expect_contains "$(jq -r '.manifests[0].artifactType' answer)" sigstore.bundle
