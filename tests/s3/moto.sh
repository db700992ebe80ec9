# Sourced: start_moto starts moto_server of tests/peers, which goes with the shell, and sets `endpoint`
# and `bucket`. moto believes any key; that requests are signed rightly, src/s3/signature_test.cpp shows.
start_moto() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  endpoint=http://127.0.0.1:$port bucket=blobs
  log=$(mktemp)
  setsid tests/peers moto_server -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
  moto=$!
  trap 'kill -- "-$moto" 2>/dev/null || true; wait "$moto" 2>/dev/null || true; rm -f "$log"' EXIT
  curl -s -o "$log.page" --retry 300 --retry-connrefused --retry-delay 1 --retry-max-time 300 "$endpoint/" \
    || { cat "$log"; rm -f "$log.page"; echo "error: moto_server does not answer" >&2; exit 1; }
  rm -f "$log.page"
  curl -sf -X PUT "$endpoint/$bucket" >>"$log"
}
