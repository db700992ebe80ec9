needs skopeo
for tag in b a c; do push_sample $tag; done
expect_eq "$(skopeo list-tags "docker://$REGISTRY/$N" | jq -c .Tags)" '["a","b","c"]'
