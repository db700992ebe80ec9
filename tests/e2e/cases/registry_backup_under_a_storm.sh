# A backup is made while images come and go; restored elsewhere each of its tags is whole.
reg() { "$SKIFF_BIN/skiff" registry "$@"; }
serve() {
  : >log
  "$SKIFF_BIN/skiff-registry" serve --root "$1" --listen 127.0.0.1:0 --gc-grace 0 --undelete 0 --gc-untagged >log 2>&1 &
  server=$!
  trap 'touch enough; kill $server 2>/dev/null || true; wait || true' EXIT
  eventually grep -q serves log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1)
}
cat >storm.py <<'END'
import hashlib, http.client, itertools, json, os, sys
host, me = sys.argv[1], sys.argv[2]
connection = http.client.HTTPConnection(host)
def call(method, path, body=None, kind="application/octet-stream"):
    connection.request(method, path, body, {"Content-Type": kind})
    answer = connection.getresponse()
    return answer.status, answer.getheader("Docker-Content-Digest"), answer.read()
def push(name, text):
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    assert call("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", text)[0] == 201
    return {"mediaType": "application/octet-stream", "digest": digest, "size": len(text)}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
for n in itertools.count():
    name = f"storm/{me}{n % 3}"
    while True:
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": push(name, b"{}"),
                    "layers": [push(name, f"{me} {n} {i}".encode() * 500) for i in range(3)]}
        status, digest, body = call("PUT", f"/v2/{name}/manifests/{n % 7}", json.dumps(document), MANIFEST)
        if status == 201: break
        # Without a grace what was pushed may be collected before the manifest names it.
        assert b"MANIFEST_BLOB_UNKNOWN" in body or b"BLOB_UNKNOWN" in body, (status, body)
    if n % 4 == 0: call("DELETE", f"/v2/{name}/manifests/{digest}")
    open(f"round-{me}", "w").write(str(n))
    if os.path.exists("enough"): break
END
cat >verify.py <<'END'
import hashlib, json, sys, urllib.request
base = f"http://{sys.argv[1]}/v2/"
def get(path, **fields): return urllib.request.urlopen(urllib.request.Request(base + path, headers=fields)).read()
tags = 0
for name in json.loads(get("_catalog"))["repositories"]:
    for tag in json.loads(get(f"{name}/tags/list"))["tags"] or []:
        manifest = json.loads(get(f"{name}/manifests/{tag}", Accept="*/*"))
        for part in [manifest["config"]] + manifest["layers"]:
            blob = get(f"{name}/blobs/{part['digest']}")
            assert "sha256:" + hashlib.sha256(blob).hexdigest() == part["digest"], (name, tag)
        tags += 1
print(tags)
END
serve "$PWD/reg"
storms=()
for i in a b; do python3 storm.py "$host" $i & storms+=($!); done
went_on() { [ "$(cat "round-$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
eventually went_on a 40
for i in 1 2 3; do
  reg backup bak --root reg >said
  expect_contains "$(cat said)" "snapshot-00000$i"
  eventually went_on b $((40 + i * 10))
done
# Killed in the middle: what is there is a snapshot of before, or clearly none.
for _ in 1 2 3; do
  "$SKIFF_BIN/skiff-registry" backup killed --root reg >/dev/null 2>&1 &
  backup=$!
  while [ ! -e killed/unfinished ] && kill -0 $backup 2>/dev/null; do :; done
  kill -9 $backup 2>/dev/null || true
  wait $backup 2>/dev/null || true
done
if [ -e killed/unfinished ] && ! ls -d killed/snapshot-* >/dev/null 2>&1; then
  expect_exit 1 reg restore killed --root from-killed
  expect_contains "$OUT" "not finished"
  [ ! -e from-killed ] || fail "a root was made of nothing"
fi
reg backup killed --root reg >/dev/null
touch enough
wait "${storms[@]}"
kill $server
wait $server || true
for from in bak killed; do
  reg restore $from --root "from-$from" >said
  expect_contains "$(cat said)" "each read again"
  expect_contains "$(reg check --deep --root "from-$from")" " 0 problems"
  serve "$PWD/from-$from"
  [ "$(python3 verify.py "$host")" -ge 3 ] || fail "few tags"
  kill $server
  wait $server || true
done
expect_exit 1 reg restore bak --root reg
expect_contains "$OUT" "is not empty"

# A backup of a root that nobody serves; files of its own where that is asked for.
reg backup again --root from-bak --copy >/dev/null
expect_eq "$(find again/blobs -type f -links +1 | wc -l)" 0
[ "$(find bak/blobs -type f -links +1 | wc -l)" -gt 0 ] || fail "no file is shared"
expect_contains "$(reg backup again --root from-bak)" " of them 0 new"
expect_exit 2 reg backup again --root from-bak --keep 0
expect_exit 1 reg backup again --root nothing
expect_contains "$OUT" "there is no registry in"
