needs cosign
push_sample
cosign generate-key-pair >/dev/null 2>&1
image=$REGISTRY/$N@$(sample_digest)
echo '{"built":"here"}' >predicate
cosign attest -y --key cosign.key $(offline attest) --predicate predicate --type custom "$image"
cosign verify-attestation --key cosign.pub --insecure-ignore-tlog --type custom "$image" >told
expect_contains "$(jq -r .payload told | base64 -d)" built
