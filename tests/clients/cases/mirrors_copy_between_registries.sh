needs skopeo oras
upstream_registry
own_registry
mirror() { "$SKIFF_BIN/skiff-registry" mirror "$@" --root "$OWN_REGISTRY"; }
echo note >note.txt
oras attach --plain-http --artifact-type test/note "$UPSTREAM/library/$N:1" note.txt:text/plain >/dev/null
mirror add up "http://$UPSTREAM" --place copy --repository 'library/*' --referrers
expect_contains "$(mirror list)" "has not run"
mirror run up >said
expect_contains "$(cat said)" "0 failed"
expect_eq "$(digest_of "$REGISTRY/copy/library/$N:1")" "$(sample_digest)"
expect_contains "$(oras discover --plain-http "$REGISTRY/copy/library/$N:1")" test/note
blobs=$(grep -oE '[0-9]+ blobs moved' said | cut -d' ' -f1)
eventually upstream_was_asked "$blobs" GET /blobs/
expect_contains "$(mirror run up)" "0 blobs moved (0 bytes)"
expect_eq "$(upstream_asked GET /blobs/)" "$blobs"
# And back, under another name, by the docker-registry's own rules.
skopeo copy -q --all "docker://$REGISTRY/copy/library/$N:1" "docker://$REGISTRY/out/back/$N:2"
mirror add back "http://$UPSTREAM" --push --place out --repository '**'
expect_contains "$(mirror run back)" "1 copied"
index=$(curl -sH 'Accept: application/vnd.oci.image.index.v1+json' "http://$UPSTREAM/v2/back/$N/manifests/2" | sha256sum)
expect_eq "sha256:${index%% *}" "$(sample_digest)"
mirror remove back
expect_exit 1 mirror run back
expect_contains "$OUT" "no mirror"
# A registry that is gone is told, tag by tag or at once.
kill "$UPSTREAM_PID"
wait "$UPSTREAM_PID" || true
expect_exit 1 mirror run up
expect_contains "$OUT" "failed:"
expect_contains "$(mirror list)" "1 failed"
