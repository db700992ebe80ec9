# Contexts that are a repository, an archive or a Dockerfile of the web, for both clients.
skiff() { "$SKIFF_BIN/skiff" "$@"; }
git init -q -b main repo
mkdir -p repo/sub served
printf 'FROM %s\nCOPY . /c\nCMD ["ls", "/c"]\n' "$IMAGE" > repo/sub/Dockerfile
printf 'FROM %s\nCMD ["echo", "other"]\n' "$IMAGE" > repo/sub/other
(cd repo && git add . && git -c user.name=n -c user.email=a@b commit -qm 1)
git clone -q --bare repo served/r.git && git -C served/r.git update-server-info
tar -cf served/a.tar -C repo/sub .
cp repo/sub/other served/Other
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
busybox httpd -f -p "127.0.0.1:$port" -h served &
server=$!
trap 'kill $server' EXIT
web=http://127.0.0.1:$port
eventually curl -sf "$web/a.tar" -o /dev/null
shows() { expect_eq "$(docker run --rm "$N" | tr '\n' ' ')" "$1"; }
skiff build -q -t "$N" "$web/r.git#main:sub" >/dev/null
shows "Dockerfile other "
skiff build -q -t "$N" -f other "$web/a.tar" >/dev/null
shows "other "
skiff build -q -t "$N" "$web/Other" >/dev/null
shows "other "
printf 'FROM %s\nCOPY other /o\nCMD ["ls", "/o"]\n' "$IMAGE" | skiff build -q -t "$N" -f - "$web/a.tar" >/dev/null
shows "/o "
skiff build -q -t "$N" - < repo/sub/other >/dev/null
shows "other "
tar -cf - -C repo/sub . | skiff build -q -t "$N" - >/dev/null
shows "Dockerfile other "
# What the API has for it.
curl -sf --unix-socket "${DOCKER_HOST#unix://}" -X POST "http://d/build?t=$N&remote=$(jq -rn --arg u "$web/r.git#main:sub" '$u|@uri')" >/dev/null
shows "Dockerfile other "
# The commit it was built from is told.
skiff build --push -t "$REGISTRY/$N:1" --provenance true "http://u:p@${web#http://}/r.git#main:sub" >/dev/null
attestation=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N:1" | jq -r '.manifests[1].digest')
statement=$(curl -s "http://$REGISTRY/v2/$N/manifests/$attestation" | jq -r '.layers[0].digest')
expect_eq "$(curl -s "http://$REGISTRY/v2/$N/blobs/$statement" | jq -c '.predicate.buildDefinition | [.externalParameters.configSource, .resolvedDependencies[-1]]')" \
  "[{\"path\":\"Dockerfile\",\"uri\":\"$web/r.git#main\",\"digest\":{\"sha1\":\"$(git -C repo rev-parse HEAD)\"}},{\"uri\":\"$web/r.git#main\",\"digest\":{\"sha1\":\"$(git -C repo rev-parse HEAD)\"}}]"
docker rmi "$REGISTRY/$N:1" >/dev/null
# SOURCE_DATE_EPOCH=context: the time of the commit, of the archive, or of what is newest in it; a directory has none.
dated() { skiff build -q -t "$N" --build-arg SOURCE_DATE_EPOCH=context "$@" >/dev/null; }
created() { docker image inspect -f '{{.Created}}' "$N" | cut -c1-19; }
dated "$web/r.git#main:sub"
expect_eq "$(created)" "$(TZ=UTC git -C repo show -s --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%S)"
touch -d 2020-02-03T04:05:06Z served/a.tar
dated "$web/a.tar"
expect_eq "$(created)" 2020-02-03T04:05:06
printf 'FROM %s\nARG SOURCE_DATE_EPOCH\nRUN [ -z "$SOURCE_DATE_EPOCH" ]\n' "$IMAGE" >repo/sub/unset
dated -f repo/sub/unset repo/sub
expect_contains "$(created)" "$(date -u +%Y-)"
# What is no context says so.
expect_exit 1 skiff build ftp://host/a.tar
expect_contains "$OUT" 'unknown scheme "ftp"'
expect_exit 1 skiff build --build-context "x=s3://bucket/a" repo/sub
expect_contains "$OUT" 'unknown scheme "s3"'
tar -cf - -C repo/sub . | head -c 100 > torn
expect_exit 1 skiff build - < torn
expect_contains "$OUT" "neither a Dockerfile nor a whole archive"
tar -cf - -C repo/sub . | head -c 700 > torn
expect_exit 1 skiff build - < torn
expect_contains "$OUT" "build context"
expect_exit 1 skiff build "$web/nosuch.git"
expect_exit 1 skiff build "$web/nosuch.tar"
expect_contains "$OUT" "404"
docker rmi "$N" >/dev/null
