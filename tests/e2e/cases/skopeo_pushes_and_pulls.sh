docker save -o image.tar "$IMAGE"
skopeo copy -q --format oci --dest-tls-verify=false docker-archive:image.tar "docker://$REGISTRY/$N:s"
skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/$N:s" oci:layout:s
expect_eq "$(skopeo inspect --raw oci:layout:s | sha256sum | cut -d' ' -f1)" \
  "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N:s" | sha256sum | cut -d' ' -f1)"
docker pull -q "$REGISTRY/$N:s"
expect_eq "$(docker run --rm "$REGISTRY/$N:s" echo from-skopeo)" from-skopeo
docker rmi "$REGISTRY/$N:s"
