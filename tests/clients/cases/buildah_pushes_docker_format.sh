needs buildah
printf 'FROM scratch\nENV A=1\n' >Containerfile
buildah build -q --format docker -t built . >/dev/null
buildah push -q --tls-verify=false --format v2s2 built "docker://$REGISTRY/$N:1"
expect_eq "$(raw "$REGISTRY/$N:1" | jq -r .mediaType)" application/vnd.docker.distribution.manifest.v2+json
