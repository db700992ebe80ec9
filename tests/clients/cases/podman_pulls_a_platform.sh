needs podman
push_sample
podman pull -q --tls-verify=false --platform linux/arm64 "$REGISTRY/$N:1"
expect_eq "$(podman image inspect -f '{{.Architecture}}' "$REGISTRY/$N:1")" arm64
