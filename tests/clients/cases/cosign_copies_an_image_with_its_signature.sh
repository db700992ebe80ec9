needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
cosign sign -y --key cosign.key $(offline sign) "$image"
cosign copy "$image" "$REGISTRY/$N/copy:1"
cosign verify --key cosign.pub --insecure-ignore-tlog "$REGISTRY/$N/copy@$(sample_digest)" >/dev/null
