needs dockerd docker
cat >script <<'END'
docker import base.tar "$REGISTRY/image:1" >/dev/null
docker push -q "$REGISTRY/image:1"
docker rmi "$REGISTRY/image:1" >/dev/null
docker pull -q "$REGISTRY/image:1"
docker image inspect -f '{{len .RootFS.Layers}} layer' "$REGISTRY/image:1"
END
with_dockerd script
expect_contains "$OUT" "1 layer"
