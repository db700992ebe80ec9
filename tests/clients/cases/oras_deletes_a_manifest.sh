needs oras
push_sample
oras manifest delete --plain-http --force "$REGISTRY/$N:1"
expect_exit 1 oras manifest fetch --plain-http "$REGISTRY/$N:1"
expect_contains "$OUT" "not found"
