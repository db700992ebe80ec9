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
