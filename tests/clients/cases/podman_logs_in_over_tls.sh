needs podman
own_registry tls login
podman import -q "$BASE_TAR" image:1 >/dev/null
expect_exit 125 podman push -q --cert-dir certs image:1 "$REGISTRY/$N:1"
echo secret-1 | podman login --cert-dir certs -u ana --password-stdin "$REGISTRY"
podman push -q --cert-dir certs image:1 "$REGISTRY/$N:1"
podman pull -q --cert-dir certs "$REGISTRY/$N:1"
