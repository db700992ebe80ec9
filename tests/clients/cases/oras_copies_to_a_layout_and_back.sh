needs oras
echo some text >text
echo more >more
push_sample
oras attach --plain-http --artifact-type application/vnd.example.one "$REGISTRY/$N:1" text
oras attach --plain-http --artifact-type application/vnd.example.two "$REGISTRY/$N:1" more
oras cp -r --from-plain-http --to-oci-layout "$REGISTRY/$N:1" there:1
oras cp -r --from-oci-layout --to-plain-http there:1 "$REGISTRY/$N/back:1"
expect_eq "$(oras discover --plain-http --format json "$REGISTRY/$N/back:1" | jq '(.referrers // .manifests) | length')" 2
