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
# Several who write into one at the same time lose nothing of one another.
for i in 1 2 3 4; do
  printf 'FROM scratch\nCOPY a /%s\n' "$i" > "ctx/file$i"
  skiff build -t "$N-w$i" -f "ctx/file$i" --cache-to "$REGISTRY/$N-race" ctx >"log$i" 2>&1 &
  writers="${writers:-} $!"
done
for writer in $writers; do wait "$writer" || fail "a writer: $(cat log?)"; done
docker rmi "$N-w1" "$N-w2" "$N-w3" "$N-w4" >/dev/null
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
for i in 1 2 3 4; do
  expect_contains "$(skiff build -t "$N" -f "ctx/file$i" --cache-from "$REGISTRY/$N-race" ctx)" "Using cache"
done
echo b > ctx/a
expect_contains "$(skiff build -t "$N" --cache-from type=local,src=copied ctx)" "Not cached: a changed"
expect_contains "$(skiff builder du --filter type=regular)" "Total:"
expect_exit 125 skiff build --cache-to type=s3 ctx
expect_exit 125 skiff build --cache-to type=local,dest=cache,mode=mid ctx
expect_exit 125 skiff build --cache-from type=local,src=copied,ignore-error=true ctx
expect_contains "$OUT" "unexpected key 'ignore-error' of type=local"
expect_exit 125 skiff build --cache-from "type=registry,ref=$REGISTRY/$N-cache,src=copied" ctx
expect_contains "$OUT" "unexpected key 'src' of type=registry"
out=$(skiff build -t "$N" --cache-from type=local,src=copied,mode=max ctx 2>&1)
expect_contains "$out" "warning: --cache-from type=local,src=copied,mode=max: mode is of no effect here"
# Layers as they are asked for; by force also those that the cache has.
compressed_as() { # TYPE CACHE
  manifest=$(jq -r '.manifests[0].digest' "$2/index.json")
  expect_eq "$(jq -r '[.layers[].mediaType] | unique | join(",")' "$2/blobs/${manifest/://}")" "application/vnd.oci.image.layer.v1.tar$1"
}
skiff build -q -t "$N" --cache-to type=local,dest=zstd,compression=zstd,compression-level=19,force-compression=true ctx >/dev/null
compressed_as +zstd zstd
skiff build -q -t "$N" --cache-to type=local,dest=plain,compression=uncompressed,force-compression=true ctx >/dev/null
compressed_as '' plain
expect_exit 125 skiff build --cache-to type=local,dest=e,compression=estargz ctx
expect_contains "$OUT" "compression=estargz: it is gzip, zstd or uncompressed"
expect_exit 125 skiff build --cache-to type=local,dest=e,compression=zstd,compression-level=23 ctx
expect_contains "$OUT" "level 23: zstd has 1 to 22"
expect_exit 125 skiff build --cache-from type=local,src=copied,compression=zstd ctx
expect_contains "$OUT" "unexpected key 'compression' of type=local"
docker rmi "$N"
# A cache that is not there, and one that cannot be written where that may be.
out=$(skiff build -t "$N" --cache-from type=local,src=missing ctx 2>&1)
expect_contains "$out" "warning: --cache-from type=local,src=missing: there is no such directory"
out=$(skiff build -t "$N" --cache-from "$REGISTRY/$N-none" ctx 2>&1)
expect_contains "$out" "[Warning] import build cache from $REGISTRY/$N-none: there is none"
out=$(skiff build -t "$N" --cache-to type=registry,ref=127.0.0.1:1/c,mode=min,ignore-error=true ctx 2>&1)
expect_contains "$out" "[Warning] export build cache to"
skiff build -q -t "$N" --metadata-file about ctx >/dev/null
expect_eq "$(jq -r '."containerimage.config.digest"' about)" "$(docker image inspect -f '{{.Id}}' "$N")"
expect_contains "$(jq -r '."containerimage.digest"' about)" sha256:
docker rmi "$N"
