own_daemon
docker run --name gone "$IMAGE" sh -c 'echo 1 > /f'
docker volume create vol >/dev/null
printf 'FROM %s\nRUN echo 1 > /x\n' "$IMAGE" > Dockerfile
docker build -q . >/dev/null
expect_contains "$(docker system df)" "Images"
out=$(docker system prune -af --volumes)
expect_contains "$out" "Total reclaimed space"
expect_eq "$(docker ps -aq)$(docker images -q)" ""
left=$(find "$OWN/root" -type f -size +900k ! -name reserve)
expect_eq "$left" "" "blobs are left"
