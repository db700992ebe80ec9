skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir ctx
for arch in amd64 arm64; do
  printf 'FROM scratch\nCOPY f /f\n' > ctx/Dockerfile
  echo "$arch" > ctx/f
  skiff build --platform "linux/$arch" --push -t "$REGISTRY/$N:$arch" ctx >/dev/null
done
new=$REGISTRY/$N-new
skiff buildx imagetools create -t "$new:1" -t "$new:2" "$REGISTRY/$N:amd64" "$REGISTRY/$N:arm64"
out=$(skiff imagetools inspect "$new:1")
expect_contains "$out" "Name:      $new:1"
expect_contains "$out" "  Platform:  linux/arm64"
expect_eq "$(skopeo inspect --tls-verify=false --raw "docker://$new:2" | jq -r '[.manifests[].platform.architecture] | join(",")')" amd64,arm64
skopeo copy -q --all --src-tls-verify=false "docker://$new:1" dir:copied
expect_eq "$(skiff imagetools inspect --raw "$new:1")" "$(skiff imagetools create --dry-run "$REGISTRY/$N:amd64" "$REGISTRY/$N:arm64")"
expect_eq "$(skiff imagetools inspect --format '{{.Manifest.MediaType}} {{(index .Manifest.Manifests 1).Platform.Architecture}}' "$new:1")" \
  "application/vnd.oci.image.index.v1+json arm64"
expect_eq "$(skiff imagetools inspect --format '{{json .Image}}' "$new:1" | jq -r 'keys | join(",")')" linux/amd64,linux/arm64
# A copy, one more platform, a choice of them, annotations.
skiff imagetools create --prefer-index=false -t "$new:copy" "$REGISTRY/$N:amd64"
expect_eq "$(skiff imagetools inspect --raw "$new:copy" | sha256sum)" "$(skiff imagetools inspect --raw "$REGISTRY/$N:amd64" | sha256sum)"
skiff imagetools create -t "$new:grows" "$REGISTRY/$N:amd64"
skiff imagetools create --append --annotation index:who=me -t "$new:grows" "$REGISTRY/$N:arm64"
expect_eq "$(skiff imagetools inspect --raw "$new:grows" | jq -c '[.annotations.who, (.manifests | length)]')" '["me",2]'
skiff imagetools create --annotation "manifest-descriptor[linux/arm64]:why=arm" -t "$new:told" "$new:1"
expect_eq "$(skiff imagetools inspect --raw "$new:told" | jq -c '[.manifests[].annotations.why]')" '[null,"arm"]'
expect_exit 125 skiff imagetools create --annotation manifest:a=b -t "$new:x" "$new:1"
skiff imagetools create -p linux/arm64 -t "$new:arm" "$new:1"
expect_eq "$(skiff imagetools inspect --raw "$new:arm" | jq -r '.manifests[].platform.architecture')" arm64
expect_exit 1 skiff imagetools create "$REGISTRY/$N:amd64"
expect_contains "$OUT" "can't push with no tags specified, please set --tag or --dry-run"
expect_exit 1 skiff imagetools create -t "$new:x" "$REGISTRY/$N:nope"
expect_contains "$OUT" "$REGISTRY/$N:nope: not found"
