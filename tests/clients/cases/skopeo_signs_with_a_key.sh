needs skopeo cosign
layout sample
cosign generate-key-pair >/dev/null 2>&1
mkdir -p home/.config/containers/registries.d
printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n' "$REGISTRY" >home/.config/containers/registries.d/here.yaml
printf secret >passphrase
skopeo copy -q --all --sign-by-sigstore-private-key cosign.key --sign-passphrase-file passphrase oci:sample:multi "docker://$REGISTRY/$N:1"
expect_contains "$(skopeo list-tags "docker://$REGISTRY/$N" | jq -r '.Tags[]')" "$(sample_digest | tr : -).sig"
printf '{"default":[{"type":"reject"}],"transports":{"docker":{"%s":[{"type":"sigstoreSigned","keyPath":"%s","signedIdentity":{"type":"matchRepository"}}]},"dir":{"":[{"type":"insecureAcceptAnything"}]}}}' \
  "$REGISTRY/$N" "$PWD/cosign.pub" >policy.json
skopeo --policy policy.json copy -q --all --remove-signatures "docker://$REGISTRY/$N:1" dir:back
