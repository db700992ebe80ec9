needs skopeo
upstream_registry
REGISTRY_FLAGS=(--upstream "up=http://$UPSTREAM")
own_registry
image=$(raw "$REGISTRY/up/library/$N:1" | jq -r '.manifests[0].digest')
digests=$(raw "$REGISTRY/up/library/$N@$image" | jq -r '.layers[].digest')
before=$(upstream_asked GET /blobs/)
for digest in $digests; do
  seq 50 | xargs -P 50 -I{} curl -sf -o got.{} "http://$REGISTRY/v2/up/library/$N/blobs/$digest"
  for file in got.*; do expect_eq "sha256:$(sha256sum <"$file" | cut -d' ' -f1)" "$digest"; done
done
each=$(echo "$digests" | sort -u | wc -l)
eventually upstream_was_asked $((before + each)) GET /blobs/
expect_eq "$(($(upstream_asked GET /blobs/) - before))" "$each"
