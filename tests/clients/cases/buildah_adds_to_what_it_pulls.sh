needs buildah
push_sample
container=$(buildah from -q --tls-verify=false "$REGISTRY/$N:1")
echo new >new
buildah copy -q "$container" new /new >/dev/null
buildah commit -q "$container" changed >/dev/null
buildah push -q --tls-verify=false changed "docker://$REGISTRY/$N:2"
expect_eq "$(skopeo inspect "docker://$REGISTRY/$N:2" | jq '.Layers | length')" 3
