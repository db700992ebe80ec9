refused() { local text=$1; shift; expect_exit "$@"; expect_contains "$OUT" "$text"; }
refused "no index service" 1 docker search busybox
refused "swarm mode is not served" 1 docker swarm init
refused "not a swarm manager" 1 docker service ls
refused "plugins are not served" 1 docker plugin install --grant-all-permissions a/b
docker create --name "$N" "$IMAGE" true
refused "HostConfig.Links is not supported" 125 docker run --rm --link "$N" "$IMAGE" true
refused "HostConfig.MemorySwappiness is not supported" 125 docker run --rm --memory-swappiness 10 "$IMAGE" true
refused "HostConfig.DeviceRequests is not supported" 125 docker run --rm --gpus all "$IMAGE" true
refused "no log driver named 'syslog' is registered" 125 docker run --rm --log-driver syslog "$IMAGE" true
docker rm "$N"
said=$(curl -s --unix-socket "${DOCKER_HOST#unix://}" -w ' %{http_code}' -X POST "http://d/build?version=3" </dev/null)
expect_contains "$said" 'invalid version \"3\"'
expect_contains "$said" " 400"
