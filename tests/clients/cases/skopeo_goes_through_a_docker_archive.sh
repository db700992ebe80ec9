needs skopeo
push_sample
skopeo copy -q "docker://$REGISTRY/$N:1" docker-archive:image.tar:x:1
skopeo copy -q docker-archive:image.tar "docker://$REGISTRY/$N:archived"
expect_eq "$(skopeo inspect --config "docker://$REGISTRY/$N:archived" | jq -c .rootfs)" \
  "$(skopeo inspect --config "docker://$REGISTRY/$N:1" | jq -c .rootfs)"
