needs buildah
printf 'FROM scratch\nENV A=1\n' >Containerfile
for platform in amd64 arm64; do buildah build -q --platform linux/$platform --manifest list . >/dev/null; done
buildah manifest push -q --all --tls-verify=false list "docker://$REGISTRY/$N:list"
expect_eq "$(raw "$REGISTRY/$N:list" | jq -c '[.manifests[].platform.architecture] | sort')" '["amd64","arm64"]'
