needs containerd ctr
upstream_registry
REGISTRY_FLAGS=(--upstream "up=http://$UPSTREAM,ns=images.example")
own_registry
mkdir -p hosts/images.example
cat >hosts/images.example/hosts.toml <<EOF
server = "http://127.0.0.1:1"
[host."http://$REGISTRY"]
capabilities = ["pull", "resolve"]
EOF
with_peers_containerd
c images pull --hosts-dir "$PWD/hosts" --all-platforms "images.example/library/$N:1" >/dev/null
expect_contains "$(c images ls)" "$(sample_digest)"
expect_eq "$(c content ls -q | wc -l)" "$(ls sample/blobs/sha256 | wc -l)"
expect_exit 1 c images pull --hosts-dir "$PWD/hosts" "images.example/library/$N:none"
