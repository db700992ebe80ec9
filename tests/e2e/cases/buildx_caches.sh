# Stock buildx: its cache goes to a registry, and from there to another engine; other caches are refused.
peers_ready
bx() { peers env DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$PWD/config" BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker buildx "$@"; }
mkdir context
echo "$N" >context/a
printf 'FROM %s\nCOPY a /a\nRUN cat /a > /b\n' "$IMAGE" >context/Dockerfile
docker save -o base.tar "$IMAGE"
cache="type=registry,ref=$REGISTRY/$N-cache"
bx build --cache-to "$cache,mode=max" "$PWD/context" >built 2>&1
skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N-cache" | jq -e '.layers | length > 1' >/dev/null
own_daemon
docker load -q -i base.tar
bx build --progress plain --cache-from "$cache" "$PWD/context" >again 2>&1
expect_eq "$(grep -cE '^#[0-9]+ CACHED$' again)" 2 "COPY and RUN"
for other in type=inline type=local,dest="$PWD/cache"; do
  expect_exit 1 bx build --cache-to "$other" "$PWD/context"
  expect_contains "$OUT" "are not served: type=registry is"
done
