needs skopeo
own_registry tls login
layout sample
expect_exit 1 skopeo copy -q oci:sample:multi "docker://$REGISTRY/$N:1"
expect_exit 1 skopeo login -u ana -p wrong "$REGISTRY"
skopeo login -u ana -p secret-1 "$REGISTRY"
skopeo copy -q --all oci:sample:multi "docker://$REGISTRY/$N:1"
expect_eq "$(digest_of "$REGISTRY/$N:1")" "$(sample_digest)"
skopeo logout "$REGISTRY"
expect_exit 1 skopeo inspect "docker://$REGISTRY/$N:1"
