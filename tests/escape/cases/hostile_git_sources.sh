# CVE-2026-33748, CVE-2026-44517: repositories and archives of the web whose links and subdirectories lead
# out of what was fetched. As contexts and as sources of ADD: refused or harmless, nothing of the host is told.
up=../../../../../../../../..
mkdir -p served repo/sub/inner
ln -s "$SENTINEL" repo/absolute
ln -s "$up$SENTINEL" repo/relative
ln -s "$SENTINEL/secret" repo/sub/secret
ln -s ../absolute repo/sub/chain
echo own >repo/sub/inner/own
printf 'FROM %s\nCOPY . /got\nRUN cat /got/secret /got/absolute/secret /got/directory/inner/file\n' "$IMAGE" |
  tee repo/Dockerfile >repo/sub/Dockerfile
git init -q -b main repo
git -C repo add -A
git -C repo -c user.name=a -c user.email=a@example.com commit -qm first
# A submodule that comes with its own place to be put at.
git init -q -b main twisted
printf '[submodule "%s"]\n\tpath = %s\n\turl = ./r.git\n' "$up$SENTINEL" "$up$SENTINEL/made" >twisted/.gitmodules
printf 'FROM %s\nCOPY . /got\n' "$IMAGE" >twisted/Dockerfile
git -C twisted add -A
git -C twisted -c user.name=a -c user.email=a@example.com commit -qm first
for name in repo twisted; do
  git clone -q --bare "$name" "served/${name:0:1}.git"
  git -C "served/${name:0:1}.git" update-server-info
done
tar -C repo --exclude=.git -cf served/a.tar .
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
busybox httpd -f -p "127.0.0.1:$port" -h served &
server=$!
trap 'kill $server' EXIT
web=http://127.0.0.1:$port
eventually curl -sf "$web/a.tar" -o /dev/null

try() {
  expect_no_secret skiff build --no-cache "$@"
  skiff version >/dev/null || fail "the daemon is gone after: $*"
}
# It is served, and what is in it is found.
skiff build -q -t "$N" - <<<"FROM $IMAGE"$'\n'"ADD $web/r.git#main:sub/inner /got" >/dev/null
expect_eq "$(docker run --rm "$N" cat /got/own)" own

see='RUN cat /got /got/secret /got/inner/file /got/directory/inner/file /got/*/secret'
for place in "" sub absolute relative absolute/directory sub/chain sub/secret "$up$SENTINEL" "sub/$up$SENTINEL" \
  "$SENTINEL" "//$SENTINEL" .git .git/../../.. /proc/self/root; do
  try "$web/r.git#main:$place"
  try - <<<"FROM $IMAGE"$'\n'"ADD $web/r.git#main:$place /got"$'\n'"$see"
  try - <<<"FROM $IMAGE"$'\n'"ADD --keep-git-dir=true $web/r.git#main:$place /got/"$'\n'"$see"
done
try "$web/t.git#main"
try - <<<"FROM $IMAGE"$'\n'"ADD $web/t.git#main /got"$'\n'"$see"
for ref in --upload-pack=touch "-u$SENTINEL/program" "main --output=$SENTINEL/made" "$up$SENTINEL"; do
  try "$web/r.git#$ref"
done
# An archive: as the context, with Dockerfiles that ask for what its links lead to, and as a source.
for file in Dockerfile sub/Dockerfile sub/secret absolute/secret "$up$SENTINEL/secret"; do
  try -f "$file" "$web/a.tar"
done
for source in absolute/secret relative/secret sub/secret sub/chain/secret sub absolute relative; do
  try -f - "$web/a.tar" <<<"FROM $IMAGE"$'\n'"COPY $source /got"$'\n'"$see"
  try -f - "$web/a.tar" <<<"FROM $IMAGE"$'\n'"RUN --mount=type=bind,source=$source,target=/m,rw cat /m /m/secret; touch /m/made"
done
try - <<<"FROM $IMAGE"$'\n'"ADD --unpack=true $web/a.tar /got/"$'\n'"$see"
[ ! -e "$SENTINEL/made" ] || fail "something was made there"
