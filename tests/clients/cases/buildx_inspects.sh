needs docker
push_sample
OUT=$(docker buildx imagetools inspect "$REGISTRY/$N:1")
expect_contains "$OUT" "$(sample_digest)"
expect_contains "$OUT" linux/arm64
