needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
cosign sign -y --key cosign.key $(offline sign) "$image"
cosign verify --key cosign.pub --insecure-ignore-tlog "$image" >told
expect_eq "$(jq -r '.[0].critical.image["docker-manifest-digest"]' told)" "$(sample_digest)"
expect_contains "$(skopeo list-tags "docker://$REGISTRY/$N" | jq -r '.Tags[]')" "$(sample_digest | tr : -).sig"
