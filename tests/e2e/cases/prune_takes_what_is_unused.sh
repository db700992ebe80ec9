own_daemon
docker run --name gone "$IMAGE" true
docker run -d --name stays -v used:/v --network bridge "$IMAGE" sleep 100
docker create --label keep=1 --name labelled "$IMAGE" true
out=$(docker container prune -f --filter 'label!=keep')
expect_contains "$out" "Deleted Containers:"
expect_contains "$out" "Total reclaimed space: "
expect_eq "$(docker ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" "labelled stays "
docker volume create unused >/dev/null
expect_contains "$(docker volume prune -af)" unused
expect_eq "$(docker volume ls -q)" used
docker network create lonely >/dev/null
expect_contains "$(docker network prune -f)" lonely
expect_eq "$(docker network ls --format '{{.Name}}' | sort | tr '\n' ' ')" "bridge host none "
# Dangling images go; named ones only with --all, and used ones never.
printf 'FROM %s\nLABEL n=1\n' "$IMAGE" | docker build -q -t name - >/dev/null
printf 'FROM %s\nLABEL n=2\n' "$IMAGE" | docker build -q -t name - >/dev/null
expect_eq "$(docker images -q --filter dangling=true | wc -l)" 1
expect_contains "$(docker image prune -f)" "Deleted Images:"
expect_eq "$(docker images --format '{{.Repository}}' | sort | tr '\n' ' ')" "busybox name "
docker image prune -af >/dev/null
expect_eq "$(docker images --format '{{.Repository}}')" busybox
