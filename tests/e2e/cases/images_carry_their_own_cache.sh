# type=inline: an image tells of its own steps, and another engine, which has nothing, takes them from its registry.
# With skiff, with stock buildx, and by the build argument of old.
skiff() { "$SKIFF_BIN/skiff" "$@"; }
peers_ready
mkdir context
echo a >context/a
printf 'FROM %s\nLABEL by=%s\nCOPY a /a\nRUN cat /a >/b\n' "$IMAGE" "$N" >context/Dockerfile
docker save -o base.tar "$IMAGE"
skiff build -q -t "$N" context >/dev/null
plain=$(docker image inspect -f '{{.Id}}' "$N")
skiff build -q -t "$REGISTRY/$N:skiff" --push --cache-to type=inline context >/dev/null
bx build --push -t "$REGISTRY/$N:buildx" --cache-to type=inline "$PWD/context" >log 2>&1 || fail "$(cat log)"
bx build --push -t "$REGISTRY/$N:arg" --build-arg BUILDKIT_INLINE_CACHE=1 "$PWD/context" >log 2>&1 || fail "$(cat log)"
docker build -q -t "$REGISTRY/$N:classic" --build-arg BUILDKIT_INLINE_CACHE=1 context >/dev/null
docker push -q "$REGISTRY/$N:classic" >/dev/null
skiff build -q -t "$REGISTRY/$N:plain" --push context >/dev/null
# The same bytes whoever asks for it; without it the image is as it was.
id=$(docker image inspect -f '{{.Id}}' "$REGISTRY/$N:skiff")
for one in buildx arg classic; do expect_eq "$(docker image inspect -f '{{.Id}}' "$REGISTRY/$N:$one")" "$id" "$one"; done
expect_eq "$(docker image inspect -f '{{.Id}}' "$REGISTRY/$N:plain")" "$plain"
for one in skiff buildx arg classic plain; do docker rmi "$REGISTRY/$N:$one" >/dev/null; done
docker rmi "$N"

own_daemon
docker load -q -i base.tar
for one in skiff classic; do
  out=$(skiff build -t "$N" --cache-from "$REGISTRY/$N:$one" --cache-to type=inline context)
  expect_eq "$(grep -c 'Using cache' <<<"$out")" 3 "$one"
  expect_eq "$(docker image inspect -f '{{.Id}}' "$N")" "$id" "$one"
  expect_eq "$(docker run --rm "$N" cat /b)" a
  docker rmi "$N"
  skiff builder prune -af >/dev/null
done
for from in "type=registry,ref=$REGISTRY/$N:buildx" "$REGISTRY/$N:arg"; do
  bx build --progress plain -t "$N" --cache-from "$from" "$PWD/context" >again 2>&1 || fail "$(cat again)"
  expect_eq "$(grep -cE '^#[0-9]+ CACHED$' again)" 2 "COPY and RUN, from $from"
  docker rmi "$N"
  bx prune -af >/dev/null
done
# An image that tells nothing is no error, nor one that is not there.
for from in plain none; do
  out=$(skiff build -t "$N" --cache-from "$REGISTRY/$N:$from" context)
  expect_not_contains "$out" "Using cache"
  expect_not_contains "$out" WARNING
  docker rmi "$N"
  skiff builder prune -af >/dev/null
done
# Each platform's image has its own.
skiff build -q --platform linux/amd64,linux/arm64 -t "$REGISTRY/$N:two" --push --cache-to type=inline -f - context <<<$'FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH' >/dev/null
docker rmi "$REGISTRY/$N:two"
skiff builder prune -af >/dev/null
out=$(skiff build --platform linux/arm64 -t "$N" --cache-from "$REGISTRY/$N:two" -f - context <<<$'FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH')
expect_contains "$out" "Using cache"
docker rmi "$N"
expect_exit 125 skiff build --cache-from type=inline context
