needs dockerd docker
[ "$JUDGED" = skiff-registry ] || skip "$JUDGED has no token server"
cat >script <<'END'
accounts
config=$PWD/home/.docker/config.json
docker import base.tar "$REGISTRY/org/own:1" >/dev/null
docker login -u ana -p secret-1 "$REGISTRY"
grep -q '"identitytoken": "skiff_' "$config" || fail "no identity token: $(cat "$config")"
expect_eq "$(jq -r '.auths[].auth' "$config" | base64 -d)" "ana:"
docker push -q "$REGISTRY/org/own:1"
docker rmi "$REGISTRY/org/own:1" >/dev/null
docker pull -q "$REGISTRY/org/own:1"
id=$("$SKIFF_BIN/skiff-registry" token list ana --root "$OWN_REGISTRY" | grep -oE '\b[0-9a-f]{12}\b' | head -1)
"$SKIFF_BIN/skiff-registry" token revoke "$id" --root "$OWN_REGISTRY"
expect_exit 1 docker push -q "$REGISTRY/org/own:1"
docker logout "$REGISTRY"
expect_eq "$(jq -r '.auths | length' "$config")" 0
echo all as it should be
END
with_dockerd script tls
expect_contains "$OUT" "all as it should be"
