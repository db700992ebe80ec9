# Beyond loopback the registry wants TLS, or to be told that plain HTTP is meant.
expect_exit 2 "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 0.0.0.0:0
expect_contains "$OUT" "--tls-cert"
expect_contains "$OUT" "--plain-http"
expect_exit 2 "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen :0
expect_exit 2 "$SKIFF_BIN/skiffd" --root "$PWD/root" --run-dir "$PWD/run" --socket "$PWD/s" --registry 0.0.0.0:0
expect_contains "$OUT" "--registry-plain-http"
[ ! -e reg ] || fail "it began to serve"
"$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 0.0.0.0:0 --plain-http >log 2>&1 &
server=$!
trap 'kill $server; wait $server || true' EXIT
eventually grep -q serves log
expect_contains "$(cat log)" "travel readable"
