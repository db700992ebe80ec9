needs dockerd docker
cat >script <<'END'
docker import base.tar "$REGISTRY/image:1" >/dev/null
docker tag "$REGISTRY/image:1" "$REGISTRY/image:2"
docker push -q --all-tags "$REGISTRY/image" >/dev/null
docker rmi "$REGISTRY/image:1" "$REGISTRY/image:2" >/dev/null
docker pull -q --all-tags "$REGISTRY/image" >/dev/null
echo "images $(docker images -q "$REGISTRY/image" | wc -l)"
END
with_dockerd script
expect_contains "$OUT" "images 2"
