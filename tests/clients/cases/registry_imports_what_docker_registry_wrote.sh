# A tree that Debian's docker-registry wrote is taken in while ours serves: all its tags are whole, and a second time moves what
# is new.
needs skopeo docker-registry
[ "$JUDGED" = skiff-registry ] || skip "ours imports"
JUDGED=docker-registry own_registry
theirs=$REGISTRY tree=$OWN_REGISTRY
push_sample
skopeo copy -q --all "docker://$theirs/$N:1" "docker://$theirs/deep/er/$N:multi"
skopeo copy -q "docker://$theirs/$N:1" "docker://$theirs/$N:one"
JUDGED=skiff-registry own_registry
of_theirs() { skopeo inspect --tls-verify=false --raw "docker://$theirs/$1" | sha256sum; }
import() { "$SKIFF_BIN/skiff-registry" import "$tree" --root "$OWN_REGISTRY"; }
import >said
expect_contains "$(cat said)" "2 repositories"
for image in "$N:1" "$N:one" "deep/er/$N:multi"; do
  expect_eq "$(skopeo inspect --raw "docker://$REGISTRY/$image" | sha256sum)" "$(of_theirs "$image")"
  rm -rf back
  skopeo copy -q --all "docker://$REGISTRY/$image" oci:back:x
done
expect_contains "$(import)" " 0 blobs (0 bytes) were taken in"
skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$theirs/$N:1" "docker://$theirs/$N:new"
import >said
expect_contains "$(cat said)" " 0 blobs"
skopeo inspect --raw "docker://$REGISTRY/$N:new" >/dev/null
expect_contains "$("$SKIFF_BIN/skiff-registry" check --deep --root "$OWN_REGISTRY")" " 0 problems"
