needs dockerd docker
cat >script <<'END'
docker import base.tar "$REGISTRY/image:1" >/dev/null
docker push -q "$REGISTRY/image:1" >/dev/null
digest=$(docker image inspect -f '{{index .RepoDigests 0}}' "$REGISTRY/image:1")
docker rmi -f "$(docker images -q)" >/dev/null
docker pull -q "$digest"
docker image inspect -f 'here {{index .RepoDigests 0}}' "$digest"
END
with_dockerd script
expect_contains "$OUT" "here 127.0.0.1"
