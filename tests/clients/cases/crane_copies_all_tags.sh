needs crane
push_sample a
push_sample b
crane copy --all-tags "$REGISTRY/$N" "$REGISTRY/$N/copy"
expect_eq "$(crane ls "$REGISTRY/$N/copy" | xargs)" "a b"
