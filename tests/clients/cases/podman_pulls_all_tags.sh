needs podman
push_sample a
push_sample b
podman pull -q --all-tags --tls-verify=false "$REGISTRY/$N"
podman image exists "$REGISTRY/$N:a"
podman image exists "$REGISTRY/$N:b"
