# The same output, indexes and attestations as the stock buildx has.
peers_ready
skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir ctx
printf 'Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\n' > ctx/status
printf 'FROM %s\nCOPY status /var/lib/dpkg/status\n' "$IMAGE" > ctx/Dockerfile
one=$REGISTRY/$N:one
skiff build --push -t "$one" ctx >/dev/null
skiff build --push --provenance mode=max --sbom true -t "$REGISTRY/$N:attested" ctx >/dev/null
for name in "$one" "$REGISTRY/$N:attested"; do
  # buildx lists annotations in any order.
  skiff imagetools inspect "$name" >ours
  bx imagetools inspect "$name" >theirs
  expect_eq "$(grep -v reference ours)" "$(grep -v reference theirs)"
  expect_eq "$(sort ours)" "$(sort theirs)"
done
expect_eq "$(skiff imagetools create --dry-run "$one")" "$(bx imagetools create --dry-run "$one")"
format='{{json .Provenance.SLSA.buildDefinition.resolvedDependencies}}'
expect_contains "$(bx imagetools inspect --format "$format" "$REGISTRY/$N:attested")" "pkg:docker/${IMAGE/:/@}"
expect_contains "$(bx imagetools inspect --format '{{json .SBOM.SPDX.packages}}' "$REGISTRY/$N:attested")" '"bash"'
for format in '{{json .Provenance}}' '{{json .SBOM}}' '{{json .Image}}'; do
  expect_eq "$(skiff imagetools inspect --format "$format" "$REGISTRY/$N:attested" | jq -cS .)" \
    "$(bx imagetools inspect --format "$format" "$REGISTRY/$N:attested" | jq -cS .)"
done
docker rmi "$one" "$REGISTRY/$N:attested" >/dev/null

# Asked for by the stock client itself; not where it only asks on its own account.
for asked in provenance=mode=max,version=v1 sbom=true; do
  bx build -q --push "--$asked" -t "$REGISTRY/$N:asked" "$PWD/ctx" >/dev/null
done
expect_contains "$(bx imagetools inspect --format '{{json .SBOM.SPDX.packages}}' "$REGISTRY/$N:asked")" '"bash"'
peers env TMPDIR="$PWD" DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$PWD/config" docker buildx build -q --push -t "$REGISTRY/$N:plain" "$PWD/ctx" >/dev/null
expect_eq "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N:plain" | jq -r .mediaType)" \
  application/vnd.oci.image.manifest.v1+json
