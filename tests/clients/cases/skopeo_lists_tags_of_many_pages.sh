needs skopeo
push_sample
raw "$REGISTRY/$N:1" >manifest
for n in $(seq 250); do
  printf 'url = "http://%s/v2/%s/manifests/t%s"\nupload-file = manifest\nheader = "Content-Type: %s"\noutput = out\n' \
    "$REGISTRY" "$N" "$n" application/vnd.oci.image.index.v1+json
done >requests
curl -sf -K requests
expect_eq "$(skopeo list-tags "docker://$REGISTRY/$N" | jq '.Tags | length')" 251
