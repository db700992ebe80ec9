# Stock buildx: its cache goes to a registry, or to a directory of its own, and from there to another engine;
# other caches are refused.
peers_ready
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
expect_exit 1 bx build --cache-to type=other,ref=x "$PWD/context"
expect_contains "$OUT" "are not served"

bx build --cache-to type=local,dest="$PWD/cache" "$PWD/context" >built 2>&1 || fail "$(cat built)"
jq -e '.manifests[0].annotations["org.opencontainers.image.ref.name"] == "latest"' cache/index.json >/dev/null
bx prune -af >/dev/null
bx build --progress plain --cache-from type=local,src="$PWD/cache" "$PWD/context" >again 2>&1
expect_eq "$(grep -cE '^#[0-9]+ CACHED$' again)" 2 "COPY and RUN, from a directory"
