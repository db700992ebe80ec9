needs umoci
push_sample
skopeo copy -q "docker://$REGISTRY/$N:1" oci:pulled:1
umoci unpack --image pulled:1 bundle
expect_eq "$(cat bundle/rootfs/seed)" "$N"
