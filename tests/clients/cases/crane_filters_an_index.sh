needs crane
push_sample
crane index filter --platform linux/arm64 -t "$REGISTRY/$N:arm" "$REGISTRY/$N:1"
expect_eq "$(crane manifest "$REGISTRY/$N:arm" | jq '.manifests | length')" 1
