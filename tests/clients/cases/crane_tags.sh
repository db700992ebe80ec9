needs crane
push_sample
crane tag "$REGISTRY/$N:1" again
expect_eq "$(crane digest "$REGISTRY/$N:again")" "$(sample_digest)"
