needs podman
podman import -q "$BASE_TAR" image:1 >/dev/null
podman push -q --tls-verify=false image:1 "$REGISTRY/$N:1"
podman rmi -a -f >/dev/null
podman pull -q --tls-verify=false "$REGISTRY/$N:1"
podman image exists "$REGISTRY/$N:1"
