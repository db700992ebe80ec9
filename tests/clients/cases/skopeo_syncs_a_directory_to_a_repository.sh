needs skopeo
layout sample
mkdir there
skopeo copy -q --all oci:sample:multi dir:there/image:7
skopeo sync --all --src dir --dest docker there "$REGISTRY/$N" 2>log || fail "$(tail -3 log)"
expect_eq "$(digest_of "$REGISTRY/$N/image:7")" "$(sample_digest)"
