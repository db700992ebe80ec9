needs oras
echo some text >text
echo more >more
oras push --plain-http --artifact-type application/vnd.example.thing "$REGISTRY/$N:1" text
oras manifest fetch --plain-http "$REGISTRY/$N:1" >manifest
expect_eq "$(jq -r .artifactType manifest)" application/vnd.example.thing
expect_eq "$(jq -r .config.mediaType manifest)" application/vnd.oci.empty.v1+json
