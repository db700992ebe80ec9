needs podman
push_sample
podman pull -q --tls-verify=false "$REGISTRY/$N@$(sample_digest)"
expect_contains "$(podman images --digests)" "$(sample_digest)"
