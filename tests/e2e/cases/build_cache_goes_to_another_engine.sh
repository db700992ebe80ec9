skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir ctx
echo a > ctx/a
printf 'FROM %s\nCOPY a /a\nRUN cat /a > /b\nWORKDIR /w\nCMD cat /b\n' "$IMAGE" > ctx/Dockerfile
docker save -o base.tar "$IMAGE"
skiff build -t "$N" --cache-to type=local,dest=cache --cache-to "$REGISTRY/$N-cache" ctx >/dev/null
id=$(docker image inspect -f '{{.Id}}' "$N")
# It is an image like others.
skopeo copy -q oci:cache:latest oci:copied:latest
skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/$N-cache" oci:pulled:latest
docker rmi "$N"
own_daemon
docker load -q -i base.tar
for from in type=local,src=copied type=local,src=pulled "type=registry,ref=$REGISTRY/$N-cache"; do
  out=$(skiff build -t "$N" --cache-from "$from" ctx)
  expect_eq "$(grep -c 'Using cache' <<<"$out")" 4
  expect_eq "$(docker image inspect -f '{{.Id}}' "$N")" "$id"
  expect_eq "$(docker run --rm "$N")" a
  docker rmi "$N"
  skiff builder prune -af >/dev/null
done
echo b > ctx/a
expect_contains "$(skiff build -t "$N" --cache-from type=local,src=copied ctx)" "Not cached: a changed"
expect_contains "$(skiff builder du --filter type=regular)" "Total:"
expect_exit 125 skiff build --cache-to type=s3 ctx
docker rmi "$N"
