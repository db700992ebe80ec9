# Stock buildx: its cache goes to a registry, or to a directory of its own, and from there to another engine;
# other caches are refused.
peers_ready
mkdir context
echo "$N" >context/a
printf 'FROM %s\nCOPY a /a\nRUN cat /a > /b\n' "$IMAGE" >context/Dockerfile
docker save -o base.tar "$IMAGE"
cache="type=registry,ref=$REGISTRY/$N-cache"
bx build --progress plain --cache-to "$cache,mode=max" "$PWD/context" >built 2>&1
expect_contains "$(cat built)" "exporting cache to registry"
expect_contains "$(cat built)" "writing layer sha256:"
# One that is not there yet is told, and the build goes on.
bx build --progress plain --cache-from "type=registry,ref=$REGISTRY/$N-none" "$PWD/context" >none 2>&1 || fail "$(cat none)"
expect_contains "$(cat none)" "ERROR: failed to configure registry cache importer: $REGISTRY/$N-none:latest: not found"
skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N-cache" | jq -e '.layers | length > 1' >/dev/null
own_daemon
docker load -q -i base.tar
bx build --progress plain --cache-from "$cache" "$PWD/context" >again 2>&1
expect_eq "$(grep -cE '^#[0-9]+ CACHED$' again)" 2 "COPY and RUN"
expect_exit 1 bx build --cache-to type=other,ref=x "$PWD/context"
expect_contains "$OUT" "are not served"
# Those that buildx would leave out in silence, too.
for other in type=gha,url=http://127.0.0.1:1/,token=x type=s3,region=r,bucket=b; do
  expect_exit 1 bx build --cache-to "$other" "$PWD/context"
  expect_contains "$OUT" "are not served"
  expect_exit 1 bx build --cache-from "$other" "$PWD/context"
  expect_contains "$OUT" "are not served"
done

bx build --cache-to type=local,dest="$PWD/cache" "$PWD/context" >built 2>&1 || fail "$(cat built)"
jq -e '.manifests[0].annotations["org.opencontainers.image.ref.name"] == "latest"' cache/index.json >/dev/null
bx prune -af >/dev/null
bx build --progress plain --cache-from type=local,src="$PWD/cache" "$PWD/context" >again 2>&1
expect_eq "$(grep -cE '^#[0-9]+ CACHED$' again)" 2 "COPY and RUN, from a directory"

bx build --cache-to type=local,dest="$PWD/zstd",compression=zstd,force-compression=true "$PWD/context" >built 2>&1 || fail "$(cat built)"
manifest=$(jq -r '.manifests[0].digest' zstd/index.json)
expect_eq "$(jq -r '[.layers[].mediaType] | unique | join(",")' "zstd/blobs/${manifest/://}")" application/vnd.oci.image.layer.v1.tar+zstd
bx prune -af >/dev/null
bx build --progress plain --cache-from type=local,src="$PWD/zstd" "$PWD/context" >again 2>&1
expect_eq "$(grep -cE '^#[0-9]+ CACHED$' again)" 2 "COPY and RUN, of zstd"
expect_exit 1 bx build --cache-to type=local,dest="$PWD/e",compression=estargz "$PWD/context"
expect_contains "$OUT" "compression=estargz: it is gzip, zstd or uncompressed"
