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
serves() { subject | has "CN *= *$1$"; }
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

# Many that connect meanwhile, and one that stays connected, see one certificate or the other, and no failure.
cat >clients.py <<'PYTHON'
import http.client, os, ssl, sys, threading
host, port = sys.argv[1].split(":")
anyone = ssl._create_unverified_context()
done, failures = [0] * 9, []
def ask(connection, number):
    connection.request("GET", "/v2/x/manifests/1", headers={"Accept": "*/*"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.read(), answer.status
    done[number] += 1
def client(number):
    connection = None
    try:
        while not os.path.exists("enough"):
            if connection is None or number > 0:
                connection = http.client.HTTPSConnection(host, int(port), context=anyone, timeout=60)
            ask(connection, number)
            if number > 0:
                connection.close()
            if min(done) > 0:
                open("busy", "w").close()
    except Exception as error:
        failures.append(f"{number}: {error!r}")
threads = [threading.Thread(target=client, args=(n,)) for n in range(len(done))]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failures, done)
sys.exit(bool(failures) or min(done) < 2)
PYTHON
python3 clients.py "$host" >clients.log 2>&1 &
clients=$!
eventually test -e busy
for number in $(seq 5); do
  renew "number-$number"
  kill -HUP $server
  eventually serves "number-$number"
done
touch enough
wait $clients || fail "$(cat clients.log)"
