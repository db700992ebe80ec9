needs buildah
mkdir context
echo hello >context/hello
printf 'FROM scratch\nCOPY hello /hello\nCMD ["/hello"]\n' >context/Containerfile
buildah build -q -t built context >/dev/null
buildah push -q --tls-verify=false built "docker://$REGISTRY/$N:1"
expect_eq "$(skopeo inspect --config "docker://$REGISTRY/$N:1" | jq -c .config.Cmd)" '["/hello"]'
