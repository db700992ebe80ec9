needs dockerd docker
cat >script <<'END'
docker import base.tar "$REGISTRY/image:1" >/dev/null
docker push "$REGISTRY/image:1" >/dev/null
docker tag "$REGISTRY/image:1" "$REGISTRY/other:1"
docker push "$REGISTRY/other:1"
END
with_dockerd script
expect_contains "$OUT" "Mounted from image"
