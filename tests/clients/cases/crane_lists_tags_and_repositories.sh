needs crane
push_sample a
push_sample b
expect_eq "$(crane ls "$REGISTRY/$N" | xargs)" "a b"
expect_contains "$(crane catalog "$REGISTRY")" "$N"
