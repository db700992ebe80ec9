needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
cosign sign -y -r --key cosign.key $(offline sign) "$image"
for child in $(raw "$image" | jq -r '.manifests[].digest'); do
  cosign verify --key cosign.pub --insecure-ignore-tlog "$REGISTRY/$N@$child" >/dev/null
done
