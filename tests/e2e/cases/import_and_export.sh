docker run --name "$N" "$IMAGE" sh -c 'echo in > /exported'
docker export "$N" > tree.tar
docker rm "$N"
docker import -c 'CMD ["cat","/exported"]' - "$N:1" < tree.tar >/dev/null
expect_eq "$(docker run --rm "$N:1")" in
docker rmi "$N:1"
