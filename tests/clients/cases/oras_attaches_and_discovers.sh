needs oras
echo some text >text
echo more >more
push_sample
oras attach --plain-http --artifact-type application/vnd.example.one "$REGISTRY/$N:1" text
oras attach --plain-http --artifact-type application/vnd.example.two "$REGISTRY/$N:1" more
oras discover --plain-http --format json "$REGISTRY/$N:1" >found
expect_eq "$(jq -r '(.referrers // .manifests)[].artifactType' found | sort | xargs)" "application/vnd.example.one application/vnd.example.two"
