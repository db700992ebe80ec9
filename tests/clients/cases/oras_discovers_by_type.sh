needs oras
echo some text >text
echo more >more
push_sample
oras attach --plain-http --artifact-type application/vnd.example.one "$REGISTRY/$N:1" text
oras attach --plain-http --artifact-type application/vnd.example.two "$REGISTRY/$N:1" more
oras discover --plain-http --distribution-spec v1.1-referrers-api --artifact-type application/vnd.example.two --format json "$REGISTRY/$N:1" >found
expect_eq "$(jq -r '(.referrers // .manifests)[].artifactType' found)" application/vnd.example.two
