needs containerd ctr
push_sample
with_peers_containerd
c images pull --plain-http --all-platforms "$REGISTRY/$N:1" >/dev/null
c images tag "$REGISTRY/$N:1" "$REGISTRY/$N/pushed:2" >/dev/null
c images push --plain-http "$REGISTRY/$N/pushed:2" >/dev/null
expect_eq "$(digest_of "$REGISTRY/$N/pushed:2")" "$(sample_digest)"
