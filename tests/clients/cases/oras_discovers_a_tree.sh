needs oras
echo some text >text
echo more >more
push_sample
oras attach --plain-http --artifact-type application/vnd.example.one "$REGISTRY/$N:1" text
first=$(oras discover --plain-http --format json "$REGISTRY/$N:1" | jq -r '(.referrers // .manifests)[0].digest')
oras attach --plain-http --artifact-type application/vnd.example.two "$REGISTRY/$N@$first" more
OUT=$(oras discover --plain-http --format tree "$REGISTRY/$N:1")
expect_contains "$OUT" application/vnd.example.one
expect_contains "$OUT" application/vnd.example.two
