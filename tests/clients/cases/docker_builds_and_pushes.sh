needs dockerd docker
mkdir context
echo hello >context/hello
printf 'FROM scratch\nCOPY hello /hello\n' >context/Dockerfile
cat >script <<'END'
docker buildx build -q --push -t "$REGISTRY/built:1" context
docker buildx imagetools inspect --raw "$REGISTRY/built:1"
END
with_dockerd script
expect_contains "$OUT" schemaVersion
