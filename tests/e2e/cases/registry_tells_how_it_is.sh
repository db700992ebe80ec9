# Metrics at an address of their own, health, readiness before the end, and an access log that is moved away.
"$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
  --access-log "$PWD/access.log" --drain 30 >log 2>&1 &
server=$!
trap 'kill -9 $server 2>/dev/null || true; wait $server || true' EXIT
eventually grep -q serves log
metrics=$(grep -oE 'http://127\.0\.0\.1:[0-9]+/metrics' log)
host=$(grep serves log | grep -oE '127\.0\.0\.1:[0-9]+')
status() { curl -s -o body -w '%{http_code}' "$@"; }

expect_eq "$(status "http://$host/v2/a/tags/list?token=hush" -H 'Authorization: Basic aHVzaDpodXNo' -H 'X-Request-Id: it')" 404
eventually grep -q '"id":"it"' access.log
python3 - <<'PYTHON'
import json
line = json.loads(open("access.log").readline())
assert line["status"] == 404 and line["endpoint"] == "tags" and line["repository"] == "a", line
PYTHON
expect_not_contains "$(cat access.log)" hush
expect_not_contains "$(cat access.log)" aHVzaDpodXNo

mv access.log access.log.1
kill -HUP $server
eventually test -e access.log
expect_eq "$(status "http://$host/healthz")" 200
eventually grep -q '"endpoint":"health"' access.log

expect_eq "$(status "http://$host/metrics")" 404
expect_eq "$(status "$metrics")" 200
expect_contains "$(cat body)" 'skiff_registry_requests_total{endpoint="tags",method="GET",class="4xx"} 1'
if command -v promtool >/dev/null; then promtool check metrics <body; fi

expect_eq "$(status "http://$host/readyz")" 200
kill -TERM $server
eventually grep -q 'stopping in 30 seconds' log
expect_eq "$(status "http://$host/readyz")" 503
expect_contains "$(cat body)" stopping
expect_eq "$(status "${metrics%/metrics}/readyz")" 503
expect_eq "$(status "http://$host/v2/")" 200
# A second signal does not wait.
kill -TERM $server
wait $server
