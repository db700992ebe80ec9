needs crane
push_sample
echo new >new
tar -cf new.tar new
crane append --platform linux/amd64 -b "$REGISTRY/$N:1" -f new.tar -t "$REGISTRY/$N:more"
expect_eq "$(crane manifest "$REGISTRY/$N:more" | jq '.layers | length')" 3
crane validate --remote "$REGISTRY/$N:more"
