docker run --name "$N" "$IMAGE" sh -c 'echo kept > /kept'
docker commit -m "a message" -a "somebody" -c 'CMD ["cat", "/kept"]' "$N" "$N:1" >/dev/null
expect_eq "$(docker run --rm "$N:1")" kept
expect_eq "$(docker image inspect -f '{{.Author}}' "$N:1")" somebody
docker rm "$N"
docker rmi "$N:1"
