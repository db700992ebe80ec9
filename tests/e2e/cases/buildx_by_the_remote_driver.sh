# buildx's remote driver: HTTP/2 from the first byte, the session inside of it.
peers_ready
own_daemon
bx create --name "$N" --driver remote "$DOCKER_HOST" >/dev/null
expect_contains "$(bx inspect "$N")" running
mkdir context
echo hello >context/file
printf 'FROM %s\nCOPY file /\nRUN cat /file\n' "$IMAGE" >context/Dockerfile
OUT=$(bx build --builder "$N" --progress plain --output type=image,name="$N:1" "$PWD/context" 2>&1)
expect_contains "$OUT" hello
expect_eq "$(docker run --rm "$N:1" cat /file)" hello
bx build --builder "$N" --load -t "$N:loaded" "$PWD/context"
expect_eq "$(docker run --rm "$N:loaded" cat /file)" hello
# Without an output there is none: the cache has the steps.
before=$(docker images -aq | sort)
bx build --builder "$N" --build-arg ANEW=1 --label of=none "$PWD/context"
expect_eq "$(docker images -aq | sort)" "$before"
