# Stock buildx: a FROM shows the layers of its base image on their way.
peers_ready
docker tag "$IMAGE" "$REGISTRY/$N:base"
docker push -q "$REGISTRY/$N:base" >/dev/null
docker rmi "$REGISTRY/$N:base" >/dev/null
own_daemon
mkdir context
echo a >context/a
printf 'FROM scratch AS first\nCOPY a /b\nFROM %s\nCOPY --from=first /b /b\nCOPY a /a\n' "$REGISTRY/$N:base" >context/Dockerfile
bx build --progress plain "$PWD/context" >out 2>&1 || fail "$(cat out)"
from=$(grep -oE "^#[0-9]+ \[stage-1 1/3\] FROM $REGISTRY/$N:base" out | head -1 | cut -d' ' -f1)
[ -n "$from" ] || fail "no FROM: $(cat out)"
grep -qE "^$from resolve $REGISTRY/$N:base done" out || fail "it is not resolved: $(cat out)"
grep -qE "^$from sha256:[0-9a-f]{64} .*done" out || fail "no layer: $(cat out)"
grep -qE "^$from extracting sha256:[0-9a-f]{64} .*done" out || fail "nothing is extracted: $(cat out)"
expect_eq "$(grep -oE '^#[0-9]+ \[stage-1 1/3\] FROM' out | sort -u | wc -l)" 1 "it is one vertex"
# What is here already shows nothing.
bx build --progress plain --no-cache "$PWD/context" >out 2>&1 || fail "$(cat out)"
expect_not_contains "$(cat out)" "extracting sha256:"
# Of an image that a COPY takes from it is a line of its own.
bx prune -af >/dev/null
docker image prune -af >/dev/null
printf 'FROM scratch\nCOPY --from=%s /etc/passwd /a\n' "$REGISTRY/$N:base" >context/Dockerfile
bx build --progress plain "$PWD/context" >out 2>&1 || fail "$(cat out)"
from=$(grep -oE "^#[0-9]+ FROM $REGISTRY/$N:base" out | head -1 | cut -d' ' -f1)
grep -qE "^$from extracting sha256:[0-9a-f]{64} .*done" out || fail "nothing is extracted: $(cat out)"
