needs skopeo oras crane umoci buildah
push_sample
echo text >text
printf 'FROM scratch\nENV A=1\n' >Containerfile
buildah build -q -t built . >/dev/null
pids=()
for n in 1 2 3; do
  skopeo copy -q --all oci:sample:multi "docker://$REGISTRY/$N:skopeo$n" & pids+=($!)
  oras push --plain-http "$REGISTRY/$N:oras$n" text >/dev/null & pids+=($!)
  oras attach --plain-http --artifact-type "application/vnd.example.n$n" "$REGISTRY/$N:1" text >/dev/null & pids+=($!)
  crane tag "$REGISTRY/$N:1" "crane$n" 2>/dev/null & pids+=($!)
  buildah push -q --tls-verify=false built "docker://$REGISTRY/$N:buildah$n" & pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
expect_eq "$(skopeo list-tags "docker://$REGISTRY/$N" | jq '.Tags | length')" 13
expect_eq "$(oras discover --plain-http --format json "$REGISTRY/$N:1" | jq '(.referrers // .manifests) | length')" 3
