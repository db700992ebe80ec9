needs skopeo
push_sample
skopeo delete "docker://$REGISTRY/$N:1"
expect_exit 2 skopeo inspect --raw "docker://$REGISTRY/$N:1"
expect_contains "$OUT" "manifest unknown"
