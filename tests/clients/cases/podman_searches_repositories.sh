needs podman
push_sample
expect_contains "$(podman search --tls-verify=false --format '{{.Name}}' "$REGISTRY/$N")" "$REGISTRY/$N"
