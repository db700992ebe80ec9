needs skopeo
push_sample
skopeo inspect "docker://$REGISTRY/$N:1" >told
expect_eq "$(jq -r .Name told)" "$REGISTRY/$N"
expect_eq "$(jq -r .Digest told)" "$(sample_digest)"
expect_eq "$(jq -c .RepoTags told)" '["1"]'
expect_eq "$(jq '.Layers | length' told)" 2
