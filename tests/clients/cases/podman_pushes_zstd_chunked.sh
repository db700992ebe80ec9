needs podman
podman import -q "$BASE_TAR" image:1 >/dev/null
podman push -q --tls-verify=false --compression-format zstd:chunked image:1 "$REGISTRY/$N:1"
expect_contains "$(raw "$REGISTRY/$N:1")" zstd-chunked
podman rmi -a -f >/dev/null
podman pull -q --tls-verify=false "$REGISTRY/$N:1"
