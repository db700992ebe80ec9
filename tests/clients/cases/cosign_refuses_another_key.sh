needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
cosign sign -y --key cosign.key $(offline sign) "$image"
cosign generate-key-pair --output-key-prefix other >/dev/null 2>&1
expect_exit 12 cosign verify --key other.pub --insecure-ignore-tlog "$image"
