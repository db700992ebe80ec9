# Rules of tags, quotas, retention and the audit log: by commands beside a server, for stock clients.
reg() { "$SKIFF_BIN/skiff" registry "$@" --root "$PWD/reg"; }
serve() {
  : >log
  "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 >log 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null; wait $server || true' EXIT
  eventually grep -q serves log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1)
}
serve
docker save -o image.tar "$IMAGE"
push() { skopeo copy -q --dest-tls-verify=false docker-archive:image.tar "docker://$host/$1"; }
push acme/box:v1
push acme/box:v2
push acme/box:latest

expect_contains "$(reg rule add immutable acme --tag 'v*')" "rule 1 (immutable v* of ** on acme)"
push acme/box:v1  # the same again
expect_exit 1 skopeo delete --tls-verify=false "docker://$host/acme/box:v1"
expect_contains "$OUT" "403"
expect_contains "$(curl -s -X DELETE "http://$host/v2/acme/box/manifests/v1")" "immutable by rule 1"
expect_exit 2 reg rule add eternal acme
expect_contains "$(reg rule list)" "1   immutable  acme"

# Of what is not immutable retention keeps the last.
push acme/box:old
push acme/box:new
reg retention add acme --keep-last 1 >/dev/null
dry=$(reg retention run --dry-run)
expect_contains "$dry" "immutable by rule 1"
expect_contains "$dry" "one of the last 1"
# Between the two a second may pass.
expect_eq "$(reg retention run | sed 's/set .* ago/set then/')" "$(sed 's/set .* ago/set then/' <<<"$dry")"
expect_eq "$(curl -s "http://$host/v2/acme/box/tags/list" | jq -c .tags)" '["new","v1","v2"]'
expect_eq "$(curl -s "http://$host/v2/acme/box/_skiff/history/old" | jq -r '.changes[0].actor')" local:retention
expect_exit 2 reg retention add acme
reg retention remove 1
reg rule remove 1
expect_exit 1 reg rule remove 1

used=$(reg quota show acme | awk 'NR == 2 {print $2}')
[ "$used" -gt 100000 ] || fail "used: $used"
reg quota set acme "$used"
expect_exit 1 skopeo copy -q --dest-tls-verify=false --format oci docker-archive:image.tar "docker://$host/acme/box:oci"
expect_contains "$OUT" "the quota of acme is $used bytes"
push other/box:1
reg quota remove acme
skopeo copy -q --dest-tls-verify=false --format oci docker-archive:image.tar "docker://$host/acme/box:oci"

reg webhook add 'https://ann:hidden@hooks.example.com/x?key=hidden' >/dev/null 2>&1 || true
expect_contains "$(reg audit list)" "https://hooks.example.com/x"
expect_not_contains "$(reg audit list)" hidden

# A dry run looks like one.
reg gc --dry-run >/dev/null
expect_contains "$(reg audit list)" '{"dry-run":true}'
expect_contains "$(reg audit list | grep 'retention run')" '{"dry-run":true}'
reg mirror add mm https://usr:hidden@x.example --repository a >/dev/null 2>&1 || true
expect_contains "$(grep 'control: mirror' log)" 'https://x.example'
expect_not_contains "$(cat log)" hidden

# The log of all that stands in one chain, and a kill breaks none of it.
kill -9 $server
wait $server || true
reg audit list --limit 1000 >listed
for told in 'rule add' 'push' 'expire tag' 'quota set' denied; do expect_contains "$(cat listed)" "$told"; done
expect_contains "$(reg audit verify)" "rows are whole"
reg audit export first.jsonl --forget >/dev/null
expect_eq "$(stat -c %a first.jsonl)" 600
serve
push other/box:2
reg audit export second.jsonl >/dev/null
expect_contains "$(reg audit verify first.jsonl second.jsonl)" "rows are whole"
expect_contains "$(reg audit verify)" "rows are whole"
expect_exit 1 reg audit export second.jsonl
# What is damaged is no whole export, also where it was cut in the middle of a line.
damaged() { # damaged MESSAGE: in `part`
  expect_exit 1 reg audit verify part
  expect_contains "$OUT" "$1"
  expect_not_contains "$OUT" "--help"
}
head -c 10 first.jsonl >part; damaged "part line 1: cut off"
head -c -5 first.jsonl >part; damaged "part line $(wc -l <first.jsonl): cut off"
: >part; damaged "part is no export"
echo '{"of":"another"}' >part; damaged "part is no export"
sed '3s/^{/[/' first.jsonl >part; damaged "part line 3:"
sed -i '3s/"actor":"[^"]*"/"actor":"somebody"/' first.jsonl
expect_exit 1 reg audit verify first.jsonl second.jsonl
expect_contains "$OUT" "broken at row 2"
expect_eq "$(stat -c %a reg/registry.db)" 600
