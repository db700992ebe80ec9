needs containerd ctr
own_registry tls login
layout sample
skopeo copy -q --all --dest-creds ana:secret oci:sample:multi "docker://$REGISTRY/$N:1"
with_peers_containerd
expect_exit 1 c images pull --tlscacert ca.pem "$REGISTRY/$N:1"
c images pull --tlscacert ca.pem --user ana:secret "$REGISTRY/$N:1" >/dev/null
