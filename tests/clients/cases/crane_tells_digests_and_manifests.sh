needs crane
push_sample
expect_eq "$(crane digest "$REGISTRY/$N:1")" "$(sample_digest)"
expect_eq "sha256:$(crane manifest "$REGISTRY/$N:1" | sha256sum | cut -d' ' -f1)" "$(sample_digest)"
expect_eq "$(crane config --platform linux/arm64 "$REGISTRY/$N:1" | jq -r .architecture)" arm64
