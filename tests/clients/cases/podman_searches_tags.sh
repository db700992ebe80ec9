needs podman
push_sample a
push_sample b
expect_eq "$(podman search --tls-verify=false --list-tags --format '{{.Tag}}' "$REGISTRY/$N" | xargs)" "a b"
