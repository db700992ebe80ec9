needs oras
push_sample
skopeo copy -q oci:sample:multi "docker://$REGISTRY/$N/below:1"
expect_contains "$(oras repo ls --plain-http "$REGISTRY")" "$N/below"
expect_eq "$(oras repo ls --plain-http "$REGISTRY/$N" | xargs)" below
