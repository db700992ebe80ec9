needs skopeo
push_sample 1
push_sample 2
skopeo sync --all --src docker --dest dir "$REGISTRY/$N" there 2>log || fail "$(tail -3 log)"
expect_eq "$(ls there)" "$(printf '%s\n' "$N:1" "$N:2")"
