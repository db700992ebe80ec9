needs containerd ctr
own_registry
accounts
with_peers_containerd
skopeo login --tls-verify=false -u ana -p secret-1 "$REGISTRY" >/dev/null
layout sample
for name in own open; do skopeo copy -q --all oci:sample:multi "docker://$REGISTRY/org/$name:1"; done
fetch() { c content fetch --plain-http --all-platforms "$@"; }
for user in ana ben; do fetch -u "$user:secret-1" "$REGISTRY/org/own:1" >/dev/null; done
fetch -u cora:secret-1 "$REGISTRY/org/open:1" >/dev/null
fetch "$REGISTRY/org/open:1" >/dev/null
expect_exit 1 fetch -u cora:secret-1 "$REGISTRY/org/own:1"
expect_contains "$OUT" "not found"
expect_exit 1 fetch "$REGISTRY/org/own:1"
