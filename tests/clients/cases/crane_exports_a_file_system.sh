needs crane
push_sample
crane export --platform linux/amd64 "$REGISTRY/$N:1" - | tar -xf - seed
expect_eq "$(cat seed)" "$N"
