needs umoci
push_sample
skopeo copy -q "docker://$REGISTRY/$N:1" oci:pulled:1
umoci unpack --image pulled:1 bundle
echo new >bundle/rootfs/new
umoci repack --image pulled:2 bundle
skopeo copy -q oci:pulled:2 "docker://$REGISTRY/$N:2"
expect_eq "$(skopeo inspect "docker://$REGISTRY/$N:2" | jq '.Layers | length')" 3
