needs podman
echo content >file
podman artifact add "$REGISTRY/$N:1" file >/dev/null
podman artifact push -q --tls-verify=false "$REGISTRY/$N:1"
podman artifact rm "$REGISTRY/$N:1" >/dev/null
podman artifact pull -q --tls-verify=false "$REGISTRY/$N:1" >/dev/null
expect_contains "$(podman artifact ls)" "$REGISTRY/$N"
