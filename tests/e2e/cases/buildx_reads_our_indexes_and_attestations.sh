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
  expect_eq "$(skiff imagetools inspect "$name")" "$(peers docker buildx imagetools inspect "$name")"
done
expect_eq "$(skiff imagetools create --dry-run "$one")" "$(peers docker buildx imagetools create --dry-run "$one")"
format='{{json .Provenance.SLSA.buildDefinition.resolvedDependencies}}'
expect_contains "$(peers docker buildx imagetools inspect --format "$format" "$REGISTRY/$N:attested")" "pkg:docker/${IMAGE/:/@}"
expect_contains "$(peers docker buildx imagetools inspect --format '{{json .SBOM.SPDX.packages}}' "$REGISTRY/$N:attested")" '"bash"'
for format in '{{json .Provenance}}' '{{json .SBOM}}' '{{json .Image}}'; do
  expect_eq "$(skiff imagetools inspect --format "$format" "$REGISTRY/$N:attested" | jq -cS .)" \
    "$(peers docker buildx imagetools inspect --format "$format" "$REGISTRY/$N:attested" | jq -cS .)"
done
docker rmi "$one" "$REGISTRY/$N:attested" >/dev/null
