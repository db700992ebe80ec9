# A registry that is its own token server: what the client keeps is a token that ends with `token revoke`.
registry() { "$SKIFF_BIN/skiff-registry" "$@" --root "$PWD/registry"; }
echo secret-1 | registry user add ann --role own --password-stdin 2>/dev/null
"$SKIFF_BIN/skiff-registry" serve --root "$PWD/registry" --listen 127.0.0.1:0 >registry.log 2>&1 &
serving=$!
trap 'kill $serving' EXIT
eventually grep -qE '127\.0\.0\.1:[0-9]+' registry.log
host=$(grep -oE '127\.0\.0\.1:[0-9]+' registry.log | head -1)
export DOCKER_CONFIG=$PWD/client
skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
for client in docker skiff; do
  expect_exit 1 $client login -u ann -p wrong "$host"
  $client login -u ann -p secret-1 "$host" 2>/dev/null
  expect_contains "$(cat client/config.json)" '"identitytoken": "skiff_'
  expect_eq "$(jq -r '.auths[].auth' client/config.json | base64 -d)" "ann:"
  $client tag "$IMAGE" "$host/$client:1"
  $client push "$host/$client:1" >/dev/null
  $client rmi "$host/$client:1" >/dev/null
  $client pull "$host/$client:1" >/dev/null
  # Who logs in with it keeps it.
  token=$(jq -r '.auths[].identitytoken' client/config.json)
  again=$(curl -s --unix-socket "${DOCKER_HOST#unix://}" http://docker/auth -H 'Content-Type: application/json' \
    -d "{\"serveraddress\": \"$host\", \"username\": \"ann\", \"identitytoken\": \"$token\"}")
  expect_eq "$(jq -r .IdentityToken <<<"$again")" "$token"
  id=$(registry token list ann | grep -oE '\b[0-9a-f]{12}\b' | head -1)
  registry token revoke "$id"
  expect_exit 1 "$client" push "$host/$client:1"
  $client logout "$host" >/dev/null
  expect_eq "$(jq -r '.auths | length' client/config.json)" 0
done
