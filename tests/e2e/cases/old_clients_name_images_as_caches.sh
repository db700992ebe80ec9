# `--cache-from` of clients without buildx, classic and BuildKit's: what another engine has built, pushed and is pulled
# here has its steps cached; what is not there is passed over, with a warning.
old_docker_ready
mkdir context
echo "$N" >context/a
printf 'FROM %s\nLABEL by=%s\nCOPY a /a\nRUN cat /a >/b\n' "$IMAGE" "$N" >context/Dockerfile
docker save -o base.tar "$IMAGE"
image=$REGISTRY/$N:latest
OUT=$(DOCKER_BUILDKIT=0 old_docker build -t "$image" --cache-from "$image" context)
expect_contains "$OUT" "[Warning] import build cache from $image: No such image: $image"
expect_not_contains "$OUT" 'Using cache'
id=$(inspect '{{.Id}}' "$image")
docker push -q "$image" >/dev/null
docker rmi "$image" >/dev/null

own_daemon
docker load -q -i base.tar >/dev/null
anew() {
  docker image rm -f "$N" "$image" >/dev/null 2>&1 || true
  docker builder prune -af >/dev/null
}
# Classic: of what is here alone, since Docker's asks no registry.
anew
OUT=$(DOCKER_BUILDKIT=0 old_docker build -t "$N" --cache-from "$image" context)
expect_not_contains "$OUT" 'Using cache'
anew
docker pull -q "$image" >/dev/null
OUT=$(DOCKER_BUILDKIT=0 old_docker build -t "$N" --cache-from none:1 --cache-from "$image" context)
expect_eq "$(grep -c 'Using cache' <<<"$OUT")" 3
expect_contains "$OUT" '[Warning] import build cache from none:1'
expect_eq "$(inspect '{{.Id}}' "$N")" "$id"
expect_eq "$(docker run --rm "$N" cat /b)" "$N"
# BuildKit's: of what is here, else from its registry.
for pulled in yes no; do
  anew
  [ $pulled = no ] || docker pull -q "$image" >/dev/null
  OUT=$(DOCKER_BUILDKIT=1 old_docker build --progress plain -t "$N" --cache-from "$image" context 2>&1)
  expect_eq "$(grep -cE '^#[0-9]+ CACHED$' <<<"$OUT")" 2 "COPY and RUN, pulled: $pulled"
  expect_not_contains "$OUT" WARNING
done
anew
OUT=$(DOCKER_BUILDKIT=1 old_docker build --progress plain -t "$N" --cache-from 127.0.0.1:1/none context 2>&1)
expect_contains "$OUT" 'WARNING: import build cache from 127.0.0.1:1/none'
# There an image tells of its steps where the argument says so.
plain=$(DOCKER_BUILDKIT=1 old_docker build -q context)
told=$(DOCKER_BUILDKIT=1 old_docker build -q --build-arg BUILDKIT_INLINE_CACHE=1 context)
[ "$told" != "$plain" ] || fail "no image tells of its steps"
expect_eq "$(DOCKER_BUILDKIT=0 old_docker build -q --cache-from none context 2>/dev/null)" "$told"
