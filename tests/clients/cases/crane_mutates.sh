needs crane
push_sample
crane mutate --env WHO=ana --label who=ana -t "$REGISTRY/$N:other" --platform linux/amd64 "$REGISTRY/$N:1"
expect_eq "$(crane config "$REGISTRY/$N:other" | jq -c .config.Env)" '["WHO=ana"]'
