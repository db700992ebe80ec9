needs oras
push_sample
expect_eq "sha256:$(oras manifest fetch --plain-http "$REGISTRY/$N:1" | sha256sum | cut -d' ' -f1)" "$(sample_digest)"
oras manifest fetch --plain-http --descriptor "$REGISTRY/$N:1" >descriptor
expect_eq "$(jq -r .digest descriptor)" "$(sample_digest)"
expect_eq "$(jq -r .mediaType descriptor)" application/vnd.oci.image.index.v1+json
oras manifest fetch --plain-http --platform linux/arm64 "$REGISTRY/$N:1" >manifest
expect_eq "$(jq '.layers | length' manifest)" 2
