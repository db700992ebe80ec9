# Its databases are removed under a registry: it takes nothing that would be lost, and without its accounts it lets nobody in.
serve() { "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 >log 2>&1 & server=$!; eventually grep -q serves log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1); }
reg() { "$SKIFF_BIN/skiff-registry" "$@" --root "$PWD/reg"; }
status() { curl -s -o body -w '%{http_code}' "$@"; }
push() { status -u ann:secret --data-binary "$1" "http://$host/v2/a/blobs/uploads/?digest=sha256:$(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }
trap 'kill $server 2>/dev/null; wait $server || true' EXIT
echo secret | reg user add ann --password-stdin --role own 2>/dev/null
serve
expect_eq "$(push one)" 201
expect_eq "$(status "http://$host/readyz")" 200

mkdir away
mv reg/registry.db* away
expect_eq "$(push two)" 503
expect_contains "$(cat log)" "registry.db is gone that this server has open"
expect_eq "$(status "http://$host/readyz")" 503
mv away/* reg
expect_eq "$(push two)" 201

cp reg/access.db copy && mv copy reg/access.db
closed() { test "$(status -u ann:secret "http://$host/v2/a/tags/list")" = 503; }
eventually closed
expect_contains "$(cat log)" "access.db is another file"
kill $server
wait $server || true

rm reg/access.db*
expect_exit 1 "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0
expect_contains "$OUT" "access.db is missing, and this registry has accounts"
expect_exit 1 reg user list
expect_contains "$OUT" "access.db is missing"
echo other | reg user add bob --password-stdin --role own 2>/dev/null
serve
expect_eq "$(status "http://$host/v2/")" 401
expect_eq "$(status -u bob:other "http://$host/v2/")" 200
kill $server
wait $server || true

rm reg/access.db* reg/has-accounts
serve
expect_eq "$(status "http://$host/v2/")" 200
