needs podman
push_sample
podman manifest create list >/dev/null
podman manifest add --all --tls-verify=false list "docker://$REGISTRY/$N:1" >/dev/null
podman manifest push -q --all --tls-verify=false list "docker://$REGISTRY/$N:list"
expect_eq "$(raw "$REGISTRY/$N:list" | jq '.manifests | length')" 2
