needs docker
push_sample
docker buildx imagetools create -t "$REGISTRY/$N/copy:2" "$REGISTRY/$N:1" 2>/dev/null
expect_eq "$(digest_of "$REGISTRY/$N/copy:2")" "$(sample_digest)"
