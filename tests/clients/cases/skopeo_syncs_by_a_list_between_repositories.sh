needs skopeo
push_sample 1.0
push_sample 1.1
push_sample 2.0
printf '"%s":\n  tls-verify: false\n  images-by-tag-regex:\n    %s: ^1\\.\n' "$REGISTRY" "$N" >list.yml
skopeo sync --all --src yaml --dest docker list.yml "$REGISTRY/$N-copies" 2>log || fail "$(tail -3 log)"
expect_eq "$(skopeo list-tags "docker://$REGISTRY/$N-copies/$N" | jq -c .Tags)" '["1.0","1.1"]'
