# `pull -a` takes every tag that the registry has of a repository, by either client.
for tag in 1 2; do
  printf 'FROM %s\nENV tag=%s\n' "$IMAGE" $tag | docker build -q -t "$REGISTRY/$N:$tag" - >/dev/null
  docker push -q "$REGISTRY/$N:$tag" >/dev/null
done
for client in docker "$SKIFF_BIN/skiff"; do
  docker rmi "$REGISTRY/$N:1" "$REGISTRY/$N:2" >/dev/null
  $client pull -a "$REGISTRY/$N" >/dev/null
  expect_eq "$(docker images --format '{{.Tag}}' "$REGISTRY/$N" | sort | xargs)" "1 2"
done
expect_exit 1 "$SKIFF_BIN/skiff" pull -a "$REGISTRY/$N:1"
docker rmi "$REGISTRY/$N:1" "$REGISTRY/$N:2" >/dev/null
