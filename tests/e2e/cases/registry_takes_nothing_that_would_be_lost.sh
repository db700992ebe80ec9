# Its databases are removed under a registry: it takes nothing that would be lost, and without its accounts it lets nobody in. Nobody
# takes a root whose database is lost for an empty one.
serve() { : >log; "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 >log 2>&1 & server=$!; eventually grep -q serves log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1); }
reg() { "$SKIFF_BIN/skiff-registry" "$@" --root "$PWD/reg"; }
status() { curl -s -o body -w '%{http_code}' "$@"; }
push() { status -u ann:secret-1 --data-binary "$1" "http://$host/v2/a/blobs/uploads/?digest=sha256:$(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }
trap 'kill $server 2>/dev/null; wait $server || true' EXIT
echo secret-1 | reg user add ann --password-stdin --role own 2>/dev/null
serve
expect_eq "$(push one)" 201
expect_eq "$(status "http://$host/readyz")" 200

# The audit log is written behind the answers.
logged() { reg audit list | has 'ann .*log in'; }
eventually logged
mkdir away
mv reg/registry.db* away
expect_eq "$(push two)" 503
expect_contains "$(cat log)" "registry.db is gone that this server has open"
expect_eq "$(status "http://$host/readyz")" 503
expect_eq "$(status -u ann:secret-1 -d '{"name":"eve","password":"password"}' "http://$host/api/v1/users")" 503
expect_eq "$(status -u ann:wrong "http://$host/v2/")" 401
told() { grep -q 'audit log: .*registry.db is gone' log; }
eventually told
expect_exit 1 reg gc
expect_contains "$OUT" "reg/registry.db is missing"
mv away/* reg
expect_eq "$(push two)" 201
over() { grep -q 'audit log: 1 rows were lost' log; }
eventually over
expect_eq "$(grep -c 'audit log: .*registry.db is gone' log)" 1

cp reg/access.db copy && mv copy reg/access.db
closed() { test "$(status -u ann:secret-1 "http://$host/v2/a/tags/list")" = 503; }
eventually closed
expect_contains "$(cat log)" "access.db is another file"
kill $server
wait $server || true

rm reg/access.db*
expect_exit 1 "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0
expect_contains "$OUT" "access.db is missing, and this registry has accounts"
expect_exit 1 reg user list
expect_contains "$OUT" "access.db is missing"
echo other-one | reg user add bob --password-stdin --role own 2>/dev/null
serve
expect_eq "$(status "http://$host/v2/")" 401
expect_eq "$(status -u bob:other-one "http://$host/v2/")" 200
kill $server
wait $server || true

rm reg/access.db* reg/has-accounts
serve
expect_eq "$(status "http://$host/v2/")" 200
kill $server
wait $server || true

# Its registry.db is lost while nobody serves it: whoever opens the root says so, and makes nothing.
rm reg/registry.db*
before=$(find reg | sort)
refused() { expect_exit 1 "$@"; expect_contains "$OUT" "reg/registry.db is missing"; expect_contains "$OUT" "has-registry"; }
refused "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0
for command in "user add eve --role own" "user disable bob" "token create bob" "repo list" "repo set a --visibility public" gc check \
  "check --repair" "backup $PWD/backup" "import $PWD" "quota list" "rule list" "retention list" "audit list" "webhook list" "mirror list" \
  "quota set a 1g"; do
  # shellcheck disable=SC2086
  refused reg $command </dev/null
done
expect_eq "$(find reg | sort)" "$before" "what is in the root"
[ ! -e backup ] || fail "a backup was begun"
mkdir -p daemon/registry
mv reg/has-registry daemon/registry
expect_exit 1 "$SKIFF_BIN/skiffd" --root "$PWD/daemon" --run-dir "$PWD/run" --socket "$PWD/skiff.sock" --registry 127.0.0.1:0
expect_contains "$OUT" "daemon/registry/registry.db is missing"
mv daemon/registry/has-registry reg
mkdir empty
mv reg/has-registry reg/content empty
serve
expect_eq "$(status "http://$host/v2/_catalog")" 200
expect_contains "$(cat body)" '"repositories":[]'

# Where there never was a registry, commands make none.
for command in check gc "backup $PWD/backup" "quota set a 1g" "quota list" "rule add immutable a" "rule list" "rule remove 1" "audit list" \
  "audit verify" "audit export $PWD/rows" "retention run" "retention add a --keep-last 1" "webhook list"; do
  # shellcheck disable=SC2086
  expect_exit 1 "$SKIFF_BIN/skiff-registry" $command --root "$PWD/none" </dev/null
  expect_contains "$OUT" "there is no registry in $PWD/none"
done
[ ! -e none ] || fail "a root was made"
