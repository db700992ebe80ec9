needs containerd ctr
push_sample
with_peers_containerd
c images pull --plain-http "$REGISTRY/$N@$(sample_digest)" >/dev/null
expect_contains "$(c images ls -q)" "$N@$(sample_digest)"
