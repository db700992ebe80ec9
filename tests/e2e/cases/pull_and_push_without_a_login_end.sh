# A registry that wants a login is told of and not asked for one: the client would wait for ever.
cat > guarded.py <<'PY'
import http.server
class Guard(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_HEAD = do_GET
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard)
open("port", "w").write(str(server.server_port))
server.serve_forever()
PY
python3 guarded.py & guard=$!
trap 'kill $guard' EXIT
eventually test -s port
expect_exit 1 timeout 60 docker pull "127.0.0.1:$(cat port)/secret" </dev/null
expect_contains "$OUT" "401"
docker tag "$IMAGE" "127.0.0.1:$(cat port)/secret"
expect_exit 1 timeout 60 docker push "127.0.0.1:$(cat port)/secret" </dev/null
expect_contains "$OUT" "push access denied for 127.0.0.1:$(cat port)/secret, repository does not exist or may require 'docker login'"
docker rmi "127.0.0.1:$(cat port)/secret" >/dev/null
