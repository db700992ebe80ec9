needs umoci
umoci init --layout made
umoci new --image made:1
umoci config --image made:1 --config.env WHO=ana --config.cmd /bin/true
skopeo copy -q oci:made:1 "docker://$REGISTRY/$N:1"
expect_eq "$(skopeo inspect "docker://$REGISTRY/$N:1" | jq -c .Env)" '["WHO=ana"]'
