needs containerd ctr
push_sample
with_peers_containerd
c content fetch --plain-http --all-platforms "$REGISTRY/$N:1" >/dev/null
expect_eq "$(c content ls -q | wc -l)" "$(ls sample/blobs/sha256 | wc -l)"
