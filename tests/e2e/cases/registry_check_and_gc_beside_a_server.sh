# check and gc are done by the server that runs on a root, and by the command itself where none does.
reg() { "$SKIFF_BIN/skiff" registry "$@" --root "$PWD/reg"; }
expect_exit 1 reg check
expect_contains "$OUT" "there is no registry in"
serve() {
  : >log
  "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 --gc-grace 0 --undelete 0 --no-gc >log 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null; wait $server || true' EXIT
  eventually grep -q serves log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1)
}
serve
expect_eq "$(stat -c %a reg/control.sock)" 660
blob() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
push() {
  curl -sf -o /dev/null -X POST --data-binary "$1" -H 'Content-Type: application/octet-stream' \
    "http://$host/v2/a/b/blobs/uploads/?digest=sha256:$(blob "$1")"
}
push one
push another
expect_contains "$(reg check)" "2 blobs (10 bytes): 0 problems"
expect_contains "$(reg gc --dry-run)" "Would remove 2 blobs (10 bytes)"
expect_contains "$(reg check)" "2 blobs"
hex=$(blob one)
file=reg/content/blobs/sha256/${hex:0:2}/$hex
chmod u+w "$file"
printf eno >"$file"
expect_exit 1 reg check
expect_contains "$OUT" "$hex is damaged"
expect_contains "$OUT" "run skiff registry check --repair"
reg check --repair >said || fail "not mended: $(cat said)"
expect_contains "$(reg check)" "1 blobs (7 bytes): 0 problems"
expect_contains "$(reg gc)" "Removed 1 blobs"
expect_contains "$(reg check)" "0 blobs"
push third

# What the server ends with is no reason to fail: the root is free then.
kill $server
wait $server || true
[ ! -e reg/control.sock ] || fail "the socket stays"
expect_contains "$(reg check --deep)" "1 blobs (5 bytes): 0 problems"
expect_exit 2 reg check --dry-run
expect_exit 2 reg gc now

# A killed server leaves its socket: nobody listens there.
serve
kill -9 $server
wait $server || true
expect_contains "$(reg check)" "1 blobs"
serve
expect_contains "$(reg check)" "1 blobs"
