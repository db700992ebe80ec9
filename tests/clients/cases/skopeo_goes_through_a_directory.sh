needs skopeo
push_sample
skopeo copy -q --all "docker://$REGISTRY/$N:1" dir:there
skopeo copy -q --all dir:there "docker://$REGISTRY/$N:back"
expect_eq "$(digest_of "$REGISTRY/$N:back")" "$(sample_digest)"
