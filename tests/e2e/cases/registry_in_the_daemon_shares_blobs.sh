# skiffd --registry: push and pull move no blob bytes, each blob is one file of both stores.
SKIFFD_FLAGS="--registry 127.0.0.1:0 --log-level debug" own_daemon
host=$(grep -oE 'registry at http://127\.0\.0\.1:[0-9]+' "$OWN/log" | head -1 | grep -oE '127.*')
mkdir context
head -c 104857600 /dev/urandom >context/big
printf 'FROM scratch\nCOPY big /big\nCMD ["/big"]\n' >context/Dockerfile
docker build -q -t "$host/team/big:1" context >/dev/null

blobs_of() { (cd "$1/blobs/sha256" && find . -type f -printf '%i %f\n' | sort); }
ours() { blobs_of "$OWN/root/content"; }
its() { blobs_of "$OWN/root/registry/content"; }
layer() { docker save "$1" | tar -xO manifest.json | jq -r '.[0].Layers[0]' | grep -oE '[0-9a-f]{64}'; }
# Bytes that the daemon has written to files and sockets since it began.
written() { sed -n 's/^wchar: //p' "/proc/$OWN_PID/io"; }
links() { stat -c %h "$OWN/root/$1/blobs/sha256/${2:0:2}/$2"; }

before=$(written)
expect_contains "$(docker push "$host/team/big:1")" "Pushed"
moved=$(($(written) - before))
# Its 100 MB are written once, compressed: the first push of what was built here does that.
[ "$moved" -lt 110000000 ] || fail "a push wrote $moved bytes"
big=$(layer "$host/team/big:1")
expect_eq "$(links content "$big")" 2
expect_eq "$(its)" "$(comm -12 <(ours) <(its))" "each blob of the registry is the engine's file"
expect_contains "$(docker push "$host/team/big:1")" "Layer already exists"
docker tag "$host/team/big:1" "$host/other/big:1"
before=$(written)
expect_contains "$(docker push "$host/other/big:1")" "Mounted from team/big"
moved=$(($(written) - before))
[ "$moved" -lt 2000000 ] || fail "a push of what is there wrote $moved bytes"

# The daemon's check is also the registry's: of its records, content and manifests.
skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
out=$(skiff system check)
expect_contains "$out" "2 manifests and 2 blobs (105MB) of the registry: no problems"
rm "$OWN/root/registry/content/blobs/sha256/${big:0:2}/$big"
expect_exit 1 skiff system check
expect_contains "$OUT" "registry: blob sha256:$big is damaged: its file is gone"
expect_contains "$OUT" "registry: manifest team/big@sha256:"
expect_contains "$OUT" " (1) is not whole: "
expect_exit 1 skiff system check --repair
docker push "$host/team/big:1" >/dev/null
docker push "$host/other/big:1" >/dev/null
expect_contains "$(skiff system check)" "no problems"
expect_eq "$(links content "$big")" 2

# Who removes an image leaves the registry's whole.
docker rmi -f "$host/team/big:1" "$host/other/big:1" >/dev/null
docker builder prune -af >/dev/null
# A push may hold its blobs for a moment after its answer.
eventually eval '[ "$(links registry/content "$big")" = 1 ]'
skopeo copy -q --src-tls-verify=false "docker://$host/team/big:1" dir:copy
sha256sum -c <<<"$big  copy/$big" >/dev/null

before=$(written)
expect_contains "$(docker pull "$host/team/big:1")" "Pull complete"
moved=$(($(written) - before))
# Unpacked, its 100 MB are written once more.
[ "$moved" -lt 110000000 ] || fail "a pull wrote $moved bytes"
expect_eq "$(links content "$big")" 2
expect_eq "$(its)" "$(comm -12 <(ours) <(its))"
expect_contains "$("$SKIFF_BIN/skiff" -H "$DOCKER_HOST" system check --deep)" "no problems"
docker create --name "$N" "$host/team/big:1" >/dev/null
docker cp "$N:/big" copied
cmp copied context/big

# What another client pushes, and the registry forgets, stays here.
skopeo copy -q --dest-tls-verify=false dir:copy "docker://$host/team/copy:1"
expect_contains "$(docker pull "$host/team/copy:1")" "Downloaded newer image"
for name in team/big team/copy other/big; do
  digest=$(curl -fsI "http://$host/v2/$name/manifests/1" -H 'Accept: */*' | tr -d '\r' | sed -n 's/^docker-content-digest: //Ip')
  curl -fs -X DELETE "http://$host/v2/$name/manifests/$digest"
done
docker rm "$N" >/dev/null
expect_contains "$("$SKIFF_BIN/skiff" -H "$DOCKER_HOST" system check --deep)" "no problems"
