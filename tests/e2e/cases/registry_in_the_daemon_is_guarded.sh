# skiffd --registry with TLS and a password: the engine, too, must show it; then blobs are shared.
printf 'ann:%s\n' "$(openssl passwd -6 secret)" >users
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
SKIFFD_FLAGS="--registry 127.0.0.1:0 --registry-htpasswd $PWD/users --registry-tls-cert $PWD/cert.pem
  --registry-tls-key $PWD/key.pem --registry-tls-client-ca $PWD/cert.pem --registry-tls-client-auth optional
  --registry-access-log $PWD/access --registry-metrics-listen 127.0.0.1:0"
own_daemon
host=localhost:$(grep -oE 'registry at https://127\.0\.0\.1:[0-9]+' "$OWN/log" | grep -oE '[0-9]+$')
export DOCKER_CONFIG=$PWD/client
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' --cacert cert.pem "https://$host/v2/")" 401
docker tag "$IMAGE" "$host/box:1"
expect_exit 1 docker push "$host/box:1"
expect_contains "$OUT" "401 Unauthorized"
linked() { find "$OWN/root/registry/content/blobs" -type f -links 2 | wc -l; }
expect_eq "$(find "$OWN/root/registry/content/blobs" -type f | wc -l)" 0
docker login -u ann -p secret "$host" >/dev/null 2>&1
expect_contains "$(docker push "$host/box:1")" "Pushed"
expect_eq "$(linked)" 2 "config and layer"
docker rmi -f "$host/box:1" "$IMAGE" >/dev/null
# The push may hold its blobs for a moment after its answer.
none_linked() { [ "$(linked)" = 0 ]; }
eventually none_linked
docker logout "$host" >/dev/null
# The stock client would ask the terminal for a password.
expect_exit 1 "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" pull "$host/box:1"
expect_contains "$OUT" "pull access denied"
expect_eq "$(linked)" 0
docker login -u ann -p secret "$host" >/dev/null 2>&1
docker pull "$host/box:1" >/dev/null
expect_eq "$(linked)" 2
# Its access log, which SIGHUP opens again, and its metrics at an address of their own.
eventually grep -q '"status":401' access
mv access before
kill -HUP "$OWN_PID"
eventually test -e access
metrics=$(grep -oE 'metrics at http://127\.0\.0\.1:[0-9]+/metrics' "$OWN/log" | grep -oE 'http.*')
expect_contains "$(curl -s "$metrics")" skiff_registry_requests_total
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' --cacert cert.pem -u ann:secret "https://$host/metrics")" 404
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' --cacert cert.pem --cert cert.pem --key key.pem -u ann:secret "https://$host/v2/")" 200
