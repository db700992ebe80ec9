needs dockerd docker
cat >script <<'END'
docker import base.tar "$REGISTRY/image:1" >/dev/null
docker push -q "$REGISTRY/image:1" 2>&1 || echo refused
echo secret-1 | docker login -u ana --password-stdin "$REGISTRY" 2>/dev/null
docker push -q "$REGISTRY/image:1"
docker logout "$REGISTRY"
docker pull -q "$REGISTRY/image:1" 2>&1 || echo refused again
END
with_dockerd script tls login
for line in refused "Login Succeeded" "refused again"; do expect_contains "$OUT" "$line"; done
