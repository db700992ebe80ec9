# A webhook is told of what changes, signed, also when the server is killed before it could note that it was.
reg() { "$SKIFF_BIN/skiff" registry "$@" --root "$PWD/reg"; }
serve() {
  "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 >log 2>&1 &
  server=$!
  eventually grep -q serves log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1)
}
# What comes: a line of "ID SIGNED TYPE SUBJECT" each. While there is a file `deadly`, the server is killed before
# it has its answer.
cat >receiver.py <<'PYTHON'
import base64, hashlib, hmac, http.server, json, os, signal, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = json.loads(body)
        key = base64.b64decode(open("secret").read().strip().removeprefix("whsec_"))
        text = b".".join([self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), body])
        want = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        signed = "signed" if hmac.compare_digest(want, self.headers["webhook-signature"]) else "forged"
        with open("heard", "a") as heard:
            print(event["id"], signed, event["type"], event["subject"], file=heard)
        if os.path.exists("deadly"):
            os.kill(int(open("server").read()), signal.SIGKILL)
            os.remove("deadly")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
PYTHON
# Holds the receiver's port, where nobody else is to listen while it is away.
cat >holder.py <<'PYTHON'
import os, signal, socket
held = socket.socket()
held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
held.bind(("127.0.0.1", 0))
open("port.new", "w").write(str(held.getsockname()[1]))
os.rename("port.new", "port")
signal.pause()
PYTHON
python3 holder.py &
holder=$!
receiver=""
server=""
trap 'kill $holder $receiver $server 2>/dev/null || true; wait || true' EXIT
eventually test -s port
receive() {
  python3 receiver.py "$(cat port)" 2>>receiver.log &
  receiver=$!
}
receive

expect_exit 1 reg webhook list
expect_contains "$OUT" "there is no registry in"
serve
url=http://127.0.0.1:$(cat port)/hook
expect_exit 2 reg webhook add "$url"
expect_contains "$OUT" "--inner"
reg webhook add "$url" --inner --kind manifest.pushed --kind tag.set --repository 'a/*' >secret 2>said
id=$(grep -oE '[0-9a-f]{8}' said | head -1)
expect_contains "$(cat secret)" whsec_
expect_not_contains "$(reg webhook list; reg webhook deliveries "$id")" whsec_
expect_contains "$(reg webhook list)" "$url"
expect_eq "$(stat -c %a reg/registry.db)" 600

manifest='{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
push() {
  curl -sf -o /dev/null -X PUT --data-binary "$manifest" -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
    "http://$host/v2/$1/manifests/$2"
}
push other 1
push a/b 1
eventually grep -q 'signed skiff.registry.tag.set a/b:1$' heard
eventually sh -c "! '$SKIFF_BIN/skiff' registry webhook deliveries $id --state waiting --root '$PWD/reg' | grep -q a/b"
expect_eq "$(wc -l <heard)" 2
expect_not_contains "$(cat heard)" other

# Killed between the receiver's hearing it and the note of that.
printf %s $server >server
touch deadly
push a/b 2 || true # it may be killed before it has answered
wait $server || true
eventually test ! -e deadly
lost=$(tail -1 heard)
rm log
serve
eventually grep -q 'tag.set a/b:2$' heard
eventually eval '[ "$(grep -cxF "$lost" heard)" = 2 ]'
expect_not_contains "$(cat heard)" forged
expect_eq "$(grep -c 'manifest.pushed' <(sort -u heard))" 2

# Gone while things change: each attempt is seen, and who comes back hears all of it, in order.
kill $receiver
wait $receiver || true
push a/b 3
push a/b 4
tried() { reg webhook deliveries "$id" --state waiting | has -E 'a/b +waiting +[2-9] '; }
eventually tried
reg webhook deliveries "$id" --state waiting >waiting
expect_contains "$(cat waiting)" "connect to 127.0.0.1"
expect_eq "$(grep -c 'a/b' waiting)" 4
expect_not_contains "$(cat heard)" 'a/b:4'
receive
eventually grep -q 'tag.set a/b:4$' heard
expect_eq "$(grep -oE 'tag.set a/b:[34]$' heard | uniq | tr '\n' ' ')" "tag.set a/b:3 tag.set a/b:4 "
none_waits() { ! reg webhook deliveries "$id" --state waiting | has a/b; }
eventually none_waits

event=$(reg webhook deliveries "$id" | awk '$3 == "tag.set" { print $1; exit }')
count=$(wc -l <heard)
expect_contains "$(reg webhook redeliver "$id" "$event")" "1 event is"
eventually sh -c "[ \$(wc -l <heard) -gt $count ]"
expect_exit 1 reg webhook redeliver "$id" 12345
reg webhook disable "$id"
expect_contains "$(reg webhook list)" disabled
reg webhook enable "$id"
reg webhook remove "$id"
expect_not_contains "$(reg webhook list)" "$id"
expect_exit 1 reg webhook remove "$id"
