needs skopeo
own_registry tls
layout sample
skopeo copy -q --all --dest-cert-dir certs oci:sample:multi "docker://$REGISTRY/$N:1"
expect_eq "$(skopeo inspect --cert-dir certs "docker://$REGISTRY/$N:1" | jq -r .Digest)" "$(sample_digest)"
rm ca.pem
expect_exit 1 skopeo inspect "docker://$REGISTRY/$N:1"
expect_contains "$OUT" certificate
