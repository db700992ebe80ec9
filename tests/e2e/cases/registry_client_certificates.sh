# A client's certificate stands for an account: by its key, a name in it, or its subject.
mkdir ca
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=clients -keyout ca/key -out ca/cert 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert 2>/dev/null
# certificate NAME AUTHORITY [EXTENSION]
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=Example/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA "$2/cert" -CAkey "$2/key" -CAcreateserial -days 2 -out "$1.cert" \
    -extfile <(echo "${3:-basicConstraints=CA:FALSE}") 2>/dev/null
}
certificate ann ca
certificate ci ca 'subjectAltName=URI:spiffe://example/ci,DNS:ci.example'
certificate bob ca
certificate nobody ca
mkdir others
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=others -keyout others/key -out others/cert 2>/dev/null
certificate stranger others

reg() { "$SKIFF_BIN/skiff" registry "$@" --root "$PWD/reg"; }
serve() {
  : >log
  "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 --tls-cert cert --tls-key key --tls-client-ca ca/cert "$@" >log 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null; wait $server || true' EXIT
  eventually grep -q serves log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1)
}
status() { curl -s --cacert cert -o /dev/null -w '%{http_code}' "$@"; }
as() { status --cert "$1.cert" --key "$1.key" "https://$host$2" "${@:3}"; }

echo secret-1 | reg user add ann --password-stdin 2>/dev/null
echo secret-1 | reg user add bob --password-stdin
expect_exit 1 reg certificate add bob --file "$PWD/none.pem"
expect_contains "$OUT" "none.pem: No such file"
reg robot add acme+ci --role push >/dev/null
reg grant pull acme ann
reg certificate add ann --file ann.cert | has -E '^key [0-9a-f]{64}$' || fail "no key"
reg certificate add acme+ci --name URI:spiffe://example/ci >/dev/null
reg certificate add bob --subject CN=bob,O=Example >/dev/null
expect_exit 1 reg certificate add bob --name URI:spiffe://example/ci
expect_exit 2 reg certificate add bob --name ci.example
expect_exit 2 reg certificate add bob
expect_contains "$(reg certificate list)" "acme+ci"

serve --tls-client-auth optional
expect_eq "$(status "https://$host/v2/")" 401
expect_eq "$(status -u ann:secret-1 "https://$host/v2/")" 200
expect_eq "$(as ann /v2/)" 200
expect_eq "$(as ann /v2/acme/box/tags/list)" 404
expect_eq "$(as ann /v2/acme/box/blobs/uploads/ -X POST)" 403
expect_eq "$(as ci /v2/acme/box/blobs/uploads/ -X POST)" 202
expect_eq "$(as bob /v2/acme/box/blobs/uploads/ -X POST)" 404
expect_eq "$(as nobody /v2/)" 401
# A password beside it says who it is; a wrong one is none.
expect_eq "$(as ci /v2/acme/box/blobs/uploads/ -X POST -u bob:secret-1)" 404
expect_eq "$(as ann /v2/ -u ann:wrong)" 401
# Of another authority: no connection at all.
expect_eq "$(as stranger /v2/)" 000
# Its tokens, too.
token=$(curl -s --cacert cert --cert ci.cert --key ci.key "https://$host/auth/token?scope=repository:acme/box:pull,push" | jq -r .token)
expect_eq "$(status -H "Authorization: Bearer $token" -X POST "https://$host/v2/acme/box/blobs/uploads/")" 202
# A stock client, too: what it shows is the certificate alone.
mkdir ci
cp cert ci/ca.crt
cp ci.cert ci/client.cert
cp ci.key ci/client.key
docker save -o image.tar "$IMAGE"
skopeo copy -q --dest-cert-dir ci docker-archive:image.tar "docker://$host/acme/box:1"
expect_contains "$(skopeo list-tags --cert-dir ci "docker://$host/acme/box")" '"1"'
mkdir stranger
cp cert stranger/ca.crt
expect_exit 1 skopeo list-tags --cert-dir stranger "docker://$host/acme/box"
# The key goes on in a renewed certificate; what is taken back counts no more.
openssl x509 -req -in ann.csr -CA ca/cert -CAkey ca/key -CAcreateserial -days 1 -out ann.cert 2>/dev/null
expect_eq "$(as ann /v2/)" 200
reg certificate remove --file ann.cert
expect_eq "$(as ann /v2/)" 401
reg user disable bob
expect_eq "$(as bob /v2/)" 401
kill $server
wait $server || true

serve
expect_eq "$(status "https://$host/v2/")" 000
expect_eq "$(as nobody /v2/)" 401
expect_eq "$(as ci /v2/)" 200
logged() { reg audit list | has 'acme+ci .*log in'; }
eventually logged
