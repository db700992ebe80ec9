needs crane
push_sample
crane delete "$REGISTRY/$N@$(sample_digest)"
expect_exit 1 crane digest "$REGISTRY/$N:1"
expect_contains "$OUT" MANIFEST_UNKNOWN
