needs skopeo
push_sample
skopeo --debug copy --all "docker://$REGISTRY/$N:1" "docker://$REGISTRY/$N/other:2" >log 2>&1 || fail "$(tail -3 log)"
# It mounts layers, and uploads the two configs.
expect_eq "$(grep -c 'mount OK' log)" 3
expect_eq "$(grep -c 'Uploading /v2' log)" 2
expect_eq "$(digest_of "$REGISTRY/$N/other:2")" "$(sample_digest)"
