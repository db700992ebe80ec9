needs containerd ctr
own_registry tls login
layout sample
skopeo copy -q --all --dest-creds ana:secret-1 oci:sample:multi "docker://$REGISTRY/$N:1"
with_peers_containerd
# From 2.1 on its daemon pulls, which reads a CA elsewhere.
local=$(c images pull --help | grep -oE -- '--local' | head -1 || true)
expect_exit 1 c images pull $local --tlscacert ca.pem "$REGISTRY/$N:1"
c images pull $local --tlscacert ca.pem --user ana:secret-1 "$REGISTRY/$N:1" >/dev/null
