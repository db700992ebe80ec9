needs skopeo
push_sample
expect_eq "$(digest_of "$REGISTRY/$N@$(sample_digest)")" "$(sample_digest)"
