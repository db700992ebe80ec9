needs containerd ctr
push_sample
with_peers_containerd
c images pull --plain-http --platform linux/arm64 "$REGISTRY/$N:1" >/dev/null
expect_contains "$(c images ls)" "$(sample_digest)"
