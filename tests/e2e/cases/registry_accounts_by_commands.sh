# Accounts are made while the registry serves: the first one closes it, and each change counts with the next request.
reg() { "$SKIFF_BIN/skiff" registry "$@" --root "$PWD/reg"; }
"$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 >log 2>&1 &
server=$!
trap 'kill $server; wait $server || true' EXIT
eventually grep -q serves log
host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1)
expect_eq "$(grep -c 'anybody who reaches' log)" 1
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }

docker save -o image.tar "$IMAGE"
skopeo copy -q --dest-tls-verify=false docker-archive:image.tar "docker://$host/acme/box:1"
expect_exit 1 reg user list
expect_contains "$OUT" "no accounts"
# Nothing but an account closes it.
for change in "grant pull / everybody" "repo set acme --visibility public" "team add acme/devs"; do
  expect_exit 1 reg $change
  expect_contains "$OUT" "no accounts"
done
expect_eq "$(status "http://$host/v2/acme/box/tags/list")" 200
echo secret-1 | reg user add ann --password-stdin --role own 2>said
expect_contains "$(cat said)" "asks who comes"
expect_eq "$(stat -c %a reg/access.db)" 600
expect_eq "$(status "http://$host/v2/acme/box/tags/list")" 401
expect_eq "$(status -u ann:secret-1 "http://$host/v2/acme/box/tags/list")" 200

echo other-one | reg user add bob --password-stdin
expect_eq "$(status -u bob:other-one "http://$host/v2/acme/box/tags/list")" 404
reg team add acme/devs
reg team join acme/devs bob
reg grant pull acme team:acme/devs
expect_eq "$(status -u bob:other-one "http://$host/v2/acme/box/tags/list")" 200
expect_eq "$(status -u bob:other-one -X POST "http://$host/v2/acme/box/blobs/uploads/")" 403
reg revoke acme team:acme/devs
expect_eq "$(status -u bob:other-one "http://$host/v2/acme/box/tags/list")" 404
reg repo set acme/box --visibility public
expect_eq "$(status "http://$host/v2/acme/box/tags/list")" 200
expect_contains "$(reg repo list)" "acme/box    public"
reg repo set acme/box --visibility private
expect_eq "$(status "http://$host/v2/acme/box/tags/list")" 401

token=$(reg token create ann --repository 'acme/*' --role pull --label laptop 2>/dev/null)
expect_eq "$(status -u "ann:$token" "http://$host/v2/acme/box/tags/list")" 200
expect_eq "$(reg token list ann | awk '/laptop/ {print $5 == "never"}')" 0
expect_contains "$(reg key list)" "SIGNS UNTIL"
expect_eq "$(status -u "ann:$token" -X POST "http://$host/v2/acme/box/blobs/uploads/")" 403
reg token revoke "$(reg token list ann | awk '/laptop/ {print $1}')"
expect_eq "$(status -u "ann:$token" "http://$host/v2/acme/box/tags/list")" 401

secret=$(reg robot add acme+ci --role push)
expect_eq "$(status -u "acme+ci:$secret" -X POST "http://$host/v2/acme/new/blobs/uploads/")" 202
expect_eq "$(status -u "acme+ci:$secret" -X POST "http://$host/v2/other/new/blobs/uploads/")" 404
reg robot secret acme+ci >again
expect_eq "$(status -u "acme+ci:$secret" "http://$host/v2/")" 401
expect_eq "$(status -u "acme+ci:$(cat again)" "http://$host/v2/")" 200

reg user disable ann
expect_eq "$(status -u ann:secret-1 "http://$host/v2/")" 401
reg user enable ann
expect_eq "$(status -u ann:secret-1 "http://$host/v2/")" 200
echo changed-1 | reg user password ann --password-stdin
expect_eq "$(status -u ann:secret-1 "http://$host/v2/")" 401
expect_eq "$(status -u ann:changed-1 "http://$host/v2/")" 200
reg user remove ann
expect_eq "$(status -u ann:changed-1 "http://$host/v2/")" 401

# What is not understood is told, and changes nothing.
expect_exit 2 reg user add cid --on acme --password-stdin </dev/null
expect_contains "$OUT" "--on needs --role"
expect_exit 2 reg robot add acme+cid --on acme/web
expect_exit 2 reg user add Ann --password-stdin </dev/null
expect_exit 2 reg user add eve </dev/null
expect_contains "$OUT" "--password-stdin"
expect_exit 2 reg user fly
expect_exit 2 reg grant own "" bob
expect_contains "$OUT" "a place is needed"
expect_exit 2 reg user add eve --role own --on "" --password-stdin </dev/null
expect_contains "$OUT" "--on has an empty value"
expect_exit 2 reg robot add acme+eve --role own --on=
expect_exit 2 reg rule add immutable ""
expect_contains "$OUT" "a place is needed"
expect_exit 2 reg grant fly acme bob
expect_exit 2 reg grant pull acme bob --expires 100000d
expect_exit 2 reg grant pull acme bob --expires 99999999999h
expect_exit 1 reg grant pull acme nobody
expect_contains "$OUT" "no such user: nobody"
expect_exit 1 reg token revoke none
expect_exit 2 reg repo set acme --visibility secret
expect_not_contains "$(cat log)" secret
