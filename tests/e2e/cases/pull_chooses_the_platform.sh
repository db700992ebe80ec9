own_daemon
mkdir ctx
for arch in amd64 arm64; do echo $arch > ctx/f-$arch; done
printf 'FROM scratch\nARG TARGETARCH\nCOPY f-$TARGETARCH /f\nCMD ["/f"]\n' > ctx/Dockerfile
"$SKIFF_BIN/skiff" -H "$DOCKER_HOST" build --platform linux/amd64,linux/arm64 -t "$REGISTRY/$N:1" ctx >/dev/null
"$SKIFF_BIN/skiff" -H "$DOCKER_HOST" push "$REGISTRY/$N:1"
docker rmi -f "$REGISTRY/$N:1"
docker pull -q --platform linux/arm64 "$REGISTRY/$N:1"
expect_eq "$(docker image inspect -f '{{.Os}}/{{.Architecture}}' "$REGISTRY/$N:1")" linux/arm64
id=$(docker create --platform linux/arm64 "$REGISTRY/$N:1")
expect_eq "$(docker cp "$id:/f" - | tar -xOf -)" arm64
docker rm "$id"
docker rmi -f "$REGISTRY/$N:1"
docker pull -q "$REGISTRY/$N:1"
expect_eq "$(docker image inspect -f '{{.Architecture}}' "$REGISTRY/$N:1")" "$(dpkg --print-architecture)"
expect_exit 1 docker pull --platform linux/s390x "$REGISTRY/$N:1"
expect_contains "$OUT" "no matching manifest for linux/s390x in the manifest list entries"
expect_exit 1 docker pull --platform no/such/thing/at/all "$REGISTRY/$N:1"
