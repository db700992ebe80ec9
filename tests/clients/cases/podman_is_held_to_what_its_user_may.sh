needs podman
own_registry
accounts
cp "$BASE_TAR" base.tar
podman import -q "$PWD/base.tar" box:1
enter() { podman login --tls-verify=false -u "$1" -p secret-1 "$REGISTRY"; }
leave() { podman logout "$REGISTRY"; }
push() { podman push -q --tls-verify=false box:1 "$1"; }
pull() { podman pull -q --tls-verify=false "$1"; }
who_may_what
expect_exit 125 podman login --tls-verify=false -u ana -p wrong "$REGISTRY"
