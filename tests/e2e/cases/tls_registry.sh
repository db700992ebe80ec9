openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
"$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem >log 2>&1 &
server=$!
trap 'kill $server; wait $server || true' EXIT
eventually grep -q 127.0.0.1 log
host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1)
curl -fs --cacert cert.pem "https://$host/v2/" >/dev/null
docker save -o image.tar "$IMAGE"
skopeo copy -q --dest-tls-verify=false docker-archive:image.tar "docker://$host/x:1"
expect_contains "$(curl -fs --cacert cert.pem "https://$host/v2/x/tags/list")" '"1"'

# A renewed certificate is taken up by itself and at SIGHUP; one that does not load changes nothing.
subject() { openssl s_client -connect "$host" </dev/null 2>/dev/null | openssl x509 -noout -subject; }
renew() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout new-key.pem -out new-cert.pem -days 2 -subj "/CN=$1" 2>/dev/null
  mv new-key.pem key.pem
  mv new-cert.pem cert.pem
}
serves() { subject | grep -q "CN *= *$1$"; }
eventually serves localhost
renew second
eventually serves second
echo rubbish >cert.pem
kill -HUP $server
eventually grep -q "the certificate in use stays: load certificate" log
serves second
renew third
kill -HUP $server
eventually serves third
