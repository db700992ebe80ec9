needs crane
push_sample
crane copy "$REGISTRY/$N:1" "$REGISTRY/$N/copy:2"
expect_eq "$(crane digest "$REGISTRY/$N/copy:2")" "$(sample_digest)"
