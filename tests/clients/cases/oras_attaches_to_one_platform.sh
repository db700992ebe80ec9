needs oras
echo some text >text
echo more >more
push_sample
oras attach --plain-http --platform linux/arm64 --artifact-type application/vnd.example.one "$REGISTRY/$N:1" text
expect_eq "$(oras discover --plain-http --format json "$REGISTRY/$N:1" | jq '(.referrers // .manifests) | length')" 0
expect_eq "$(oras discover --plain-http --platform linux/arm64 --format json "$REGISTRY/$N:1" | jq '(.referrers // .manifests) | length')" 1
