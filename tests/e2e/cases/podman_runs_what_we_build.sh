peers_ready
mkdir ctx
echo from-skiff >ctx/word
printf 'FROM %s\nCOPY word /word\nRUN echo built >> /word\nCMD ["cat", "/word"]\n' "$IMAGE" >ctx/Dockerfile
docker build -q -t "$REGISTRY/$N:1" ctx
docker push -q "$REGISTRY/$N:1"
podman_here pull -q --tls-verify=false "$REGISTRY/$N:1"
expect_eq "$(podman_here run --rm --network none "$REGISTRY/$N:1")" "$(printf 'from-skiff\nbuilt')"
# The same through an archive.
docker save -o image.tar "$REGISTRY/$N:1"
podman_here rmi -f "$REGISTRY/$N:1" >/dev/null
podman_here load -q -i "$PWD/image.tar"
expect_eq "$(podman_here run --rm --network none "$REGISTRY/$N:1" head -1 /word)" from-skiff
docker rmi "$REGISTRY/$N:1"
