docker tag "$IMAGE" "$N:1"
before=$(docker image inspect -f '{{.Id}}' "$N:1")
docker save -o image.tar "$N:1"
docker rmi "$N:1"
expect_contains "$(docker load -i image.tar)" "Loaded image: $N:1"
expect_eq "$(docker image inspect -f '{{.Id}}' "$N:1")" "$before"
skopeo inspect --raw docker-archive:image.tar >/dev/null
docker rmi "$N:1"
