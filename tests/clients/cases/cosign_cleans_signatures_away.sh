needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
cosign sign -y --key cosign.key $(offline sign) "$image"
cosign clean -f "$image"
expect_eq "$(skopeo list-tags "docker://$REGISTRY/$N" | jq -c .Tags)" '["1"]'
