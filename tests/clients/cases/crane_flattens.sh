needs crane
push_sample
crane flatten -t "$REGISTRY/$N:flat" "$REGISTRY/$N:1"
child=$(crane manifest "$REGISTRY/$N:flat" | jq -r '.manifests[0].digest')
expect_eq "$(crane manifest "$REGISTRY/$N@$child" | jq '.layers | length')" 1
