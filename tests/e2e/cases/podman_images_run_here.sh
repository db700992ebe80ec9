peers_ready
mkdir ctx
printf 'FROM localhost/base:1\nRUN echo made-by-podman > /word\nENV A=b\nCMD ["sh", "-c", "cat /word; echo $A"]\n' >ctx/Dockerfile
podman_here import -q "$BASE_TAR" localhost/base:1 >/dev/null
podman_here build -q --network host --isolation chroot --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 -t "$REGISTRY/$N:1" "$PWD/ctx" >/dev/null
want=$(printf 'made-by-podman\nb')
podman_here push -q --tls-verify=false "$REGISTRY/$N:1"
docker pull -q "$REGISTRY/$N:1"
expect_eq "$(docker run --rm "$REGISTRY/$N:1")" "$want"
docker rmi "$REGISTRY/$N:1"
for format in docker-archive oci-archive; do
  podman_here save -q --format $format -o "$PWD/$format.tar" "$REGISTRY/$N:1"
  expect_contains "$(docker load -i $format.tar)" "$N:1"
  expect_eq "$(docker run --rm "$REGISTRY/$N:1")" "$want"
  docker rmi "$REGISTRY/$N:1"
done
