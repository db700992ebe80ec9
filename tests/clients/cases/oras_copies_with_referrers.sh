needs oras
echo some text >text
echo more >more
push_sample
oras attach --plain-http --artifact-type application/vnd.example.one "$REGISTRY/$N:1" text
oras attach --plain-http --artifact-type application/vnd.example.two "$REGISTRY/$N:1" more
oras cp -r --from-plain-http --to-plain-http "$REGISTRY/$N:1" "$REGISTRY/$N/copy:2"
expect_eq "$(oras discover --plain-http --format json "$REGISTRY/$N/copy:2" | jq '(.referrers // .manifests) | length')" 2
expect_eq "$(oras resolve --plain-http "$REGISTRY/$N/copy:2")" "$(sample_digest)"
