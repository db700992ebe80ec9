needs dockerd docker
[ "$JUDGED" = skiff-registry ] || skip "$JUDGED keeps no images of others"
cat >before <<'EOF'
upstream_registry
REGISTRY_FLAGS=(--upstream "docker.io=http://$UPSTREAM,default")
engine_flags() { echo "--registry-mirror http://$REGISTRY"; }
EOF
cat >script <<'EOF'
docker pull -q "$N:1"
expect_contains "$(docker image inspect -f '{{json .RepoDigests}}' "$N:1")" "$(sample_digest)"
expect_eq "$(api GET "docker.io/library/$N/manifests/1")" 200
[ "$(upstream_asked GET /blobs/)" -gt 0 ] || fail "it did not come from the upstream"
EOF
with_dockerd script
