needs crane
push_sample
layer=$(crane manifest --platform linux/amd64 "$REGISTRY/$N:1" | jq -r '.layers[0].digest')
expect_eq "sha256:$(crane blob "$REGISTRY/$N@$layer" | sha256sum | cut -d' ' -f1)" "$layer"
