# Names in a Dockerfile that stand for directories, images, repositories, archives and layouts.
skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir -p ctx docs/in served layout
echo main > ctx/main
echo doc > docs/in/d; echo draft > docs/x.draft
printf '*.draft\n.dockerignore\n' > docs/.dockerignore
cat > ctx/Dockerfile <<D
FROM nosuch AS made
RUN false
FROM base
COPY --from=docs . /d
COPY --from=made in /m
RUN --mount=from=docs,source=in,target=/in cp /in/d /mounted
COPY main /
CMD ["sh", "-c", "find /d /m /mounted /main -type f | sort"]
D
build() { skiff build -q -t "$N" --build-context docs=docs --build-context made=docs "$@" ctx >/dev/null; }
files='/d/in/d
/m/d
/main
/mounted'
build --build-context "base=docker-image://$IMAGE"
expect_eq "$(docker run --rm "$N")" "$files"
# An image of a layout, with the directory of another client.
docker save "$IMAGE" | tar -xf - -C layout
build --build-context "base=oci-layout://$PWD/layout"
expect_eq "$(docker run --rm "$N")" "$files"
expect_exit 1 build --build-context "base=oci-layout://$PWD/layout:nosuch"
expect_contains "$OUT" "no image is called nosuch"
# An archive and a repository of the web.
git init -q -b main repo
(cd repo && mkdir sub && echo repo > sub/r && git add . && git -c user.name=n -c user.email=a@b commit -qm 1)
git clone -q --bare repo served/r.git && git -C served/r.git update-server-info
tar -czf served/a.tar.gz -C docs in
cat > ctx/web <<D
FROM $IMAGE
COPY --from=repo r /r
COPY --from=archive in/d /a
CMD ["cat", "/r", "/a"]
D
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
busybox httpd -f -p "127.0.0.1:$port" -h served &
server=$!
trap 'kill $server' EXIT
eventually curl -sf "http://127.0.0.1:$port/a.tar.gz" -o /dev/null
skiff build -q -t "$N" -f ctx/web --build-context "repo=http://127.0.0.1:$port/r.git#main:sub" \
  --build-context "archive=http://127.0.0.1:$port/a.tar.gz" ctx >/dev/null
expect_eq "$(docker run --rm "$N")" "repo
doc"
expect_exit 125 skiff build --build-context docs ctx
expect_contains "$OUT" "NAME=SOURCE"
expect_exit 125 skiff build --build-context docs=nosuch ctx
expect_contains "$OUT" "is no directory"
docker rmi "$N" >/dev/null
