needs skopeo
own_registry
accounts
layout sample
enter() { skopeo login --tls-verify=false -u "$1" -p secret-1 "$REGISTRY"; }
leave() { skopeo logout "$REGISTRY"; }
push() { skopeo copy -q --all oci:sample:multi "docker://$1"; }
pull() { rm -rf got; skopeo copy -q --all "docker://$1" oci:got:1; }
who_may_what
expect_exit 1 skopeo login --tls-verify=false -u ana -p wrong "$REGISTRY"
