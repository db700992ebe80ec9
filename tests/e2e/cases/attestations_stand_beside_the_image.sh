skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir ctx
printf 'Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\n' > ctx/status
printf 'FROM %s\nARG TOKEN\nCOPY status /var/lib/dpkg/status\n' "$IMAGE" > ctx/Dockerfile
at=docker://$REGISTRY/$N
raw() { skopeo inspect --tls-verify=false --raw "$1"; }
skiff build --push -t "$REGISTRY/$N:plain" --build-arg TOKEN=hunter2 ctx >/dev/null
expect_eq "$(raw "$at:plain" | jq -r '.manifests')" null "one manifest without them"
skiff build --push -t "$REGISTRY/$N:1" --build-arg TOKEN=hunter2 --provenance true --attest type=sbom ctx >/dev/null
raw "$at:1" > index
expect_eq "$(jq -r '.manifests[0].digest' index)" "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "$at:plain")"
expect_eq "$(jq -c '.manifests[1] | [.platform.os, .annotations["vnd.docker.reference.type"], .annotations["vnd.docker.reference.digest"] ]' index)" \
  "[\"unknown\",\"attestation-manifest\",\"$(jq -r '.manifests[0].digest' index)\"]"
# A registry lists it among the referrers; the image runs as it does without.
attestation=$(jq -r '.manifests[1].digest' index)
expect_eq "$(curl -s "http://$REGISTRY/v2/$N/referrers/$(jq -r '.manifests[0].digest' index)" | jq -r '.manifests[].digest')" "$attestation"
docker rmi "$REGISTRY/$N:1" "$REGISTRY/$N:plain" >/dev/null
docker run --rm "$REGISTRY/$N:1" true
blob() { curl -s "http://$REGISTRY/v2/$N/blobs/$(raw "$at@$attestation" | jq -r --arg t "$1" '.layers[] | select(.annotations["in-toto.io/predicate-type"] == $t) | .digest')"; }
expect_eq "$(blob https://spdx.dev/Document | jq -r '.predicate.packages[].externalRefs[].referenceLocator')" "pkg:deb/debian/bash@5.2?arch=amd64"
expect_contains "$(blob https://slsa.dev/provenance/v1 | jq -r '.predicate.buildDefinition.resolvedDependencies[].uri')" "pkg:docker/busybox@e2e"
expect_not_contains "$(blob https://slsa.dev/provenance/v1)" hunter2
# imagetools shows both.
shown() { skiff imagetools inspect --format "$1" "$REGISTRY/$N:1"; }
expect_eq "$(shown '{{json .Provenance}}' | jq -c .SLSA)" "$(blob https://slsa.dev/provenance/v1 | jq -c .predicate)"
expect_eq "$(shown '{{json .SBOM}}' | jq -r '.SPDX.packages[].name')" bash
expect_eq "$(shown '{{.Provenance.SLSA.buildDefinition.buildType}}')" urn:skiff:build:dockerfile:v1
expect_eq "$(skiff imagetools inspect --format '{{json .SBOM}}' "$REGISTRY/$N:plain")" null
# The Dockerfile has its own name in it, and a context in a checkout the commit.
git init -q -b main ctx && git -C ctx add . && git -C ctx -c user.name=n -c user.email=a@b commit -qm 1
git -C ctx remote add origin https://me:secret@git.example/a.git
cp ctx/Dockerfile given
provenance_of() {
  skiff build --push -t "$REGISTRY/$N:2" --provenance true "$@" >/dev/null
  attestation=$(raw "$at:2" | jq -r '.manifests[1].digest')
  blob https://slsa.dev/provenance/v1 | jq -c .predicate
}
made=$(provenance_of -f given ctx)
expect_eq "$(jq -r .buildDefinition.externalParameters.configSource.path <<<"$made")" given
expect_eq "$(jq -c '.runDetails.metadata["https://mobyproject.org/buildkit@v1#metadata"].vcs' <<<"$made")" \
  "{\"source\":\"https://git.example/a.git\",\"revision\":\"$(git -C ctx rev-parse HEAD)\"}"
echo >> ctx/status
made=$(provenance_of -f - ctx < given)
expect_eq "$(jq -r .buildDefinition.externalParameters.configSource.path <<<"$made")" Dockerfile
expect_contains "$made" "$(git -C ctx rev-parse HEAD)-dirty"
docker rmi "$REGISTRY/$N:2" >/dev/null
expect_exit 125 skiff build --attest type=provenance,disabled=maybe ctx
expect_exit 125 skiff build --attest type=dance ctx
docker rmi "$REGISTRY/$N:1" >/dev/null
