# Docker's client before buildx: contexts of every kind, and what it takes instead of an image.
old_docker_ready
own_daemon
export DOCKER_BUILDKIT=1
command -v git >/dev/null || skip "no git"

mkdir -p context/sub
echo hello >context/sub/file
printf 'FROM scratch\nCOPY sub/file /f\n' >context/Dockerfile

# Standard input: a Dockerfile alone, one for the directory, and contexts, plain and compressed.
printf 'FROM %s\nRUN echo alone >/alone\n' "$IMAGE" | old_docker build -q -t "$N:alone" - >/dev/null
expect_eq "$(docker run --rm "$N:alone" cat /alone)" alone
printf 'FROM %s\nCOPY sub/file /f\n' "$IMAGE" | old_docker build -q -t "$N:from" -f - context >/dev/null
expect_eq "$(docker run --rm "$N:from" cat /f)" hello
printf 'FROM %s\nCOPY . /all\n' "$IMAGE" >context/sub/other
dd if=/dev/urandom of=context/large bs=1M count=20 status=none
for form in -c -cz; do
  tar -C context $form . | old_docker build -q -f sub/other -t "$N:tar" - >/dev/null
  expect_eq "$(docker run --rm "$N:tar" sha256sum </dev/null /all/large | cut -d' ' -f1)" "$(sha256sum <context/large | cut -d' ' -f1)"
done
rm context/large
git init -q -b main work
cp -r context/. work
git -C work add -A
git -C work -c user.name=a -c user.email=a@example.com commit -qm first
git clone -q --bare work served/a.git
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$(git --exec-path)/git-daemon" --export-all --base-path="$PWD/served" --listen=127.0.0.1 --port="$port" >daemon.log 2>&1 &
served=$!
trap 'kill $served 2>/dev/null; stop_own_daemon' EXIT
eventually git ls-remote "git://127.0.0.1:$port/a.git"
old_docker build -q -t "$N:git" "git://127.0.0.1:$port/a.git#main" >/dev/null
docker save "$N:git" >/dev/null

# The files, in place of an image; and an image under a name of the output's.
old_docker build -q -o out context
expect_eq "$(cat out/f)" hello
old_docker build -q -o type=tar,dest=out.tar context
expect_eq "$(tar -xOf out.tar f)" hello
expect_eq "$(old_docker build -o - context 2>/dev/null | tar -xO f)" hello
old_docker build -q -o type=image,name="$N:named" context >/dev/null
docker image inspect "$N:named" >/dev/null
expect_exit 1 old_docker build -o type=oci context
expect_contains "$OUT" "the client's session takes no files"

# Both, of one build; but not a layout, which this client would take for the files.
old_docker build -q -t "$N:both" -o both -o type=image context >id
expect_eq "$(cat both/f)" hello
expect_eq "$(cat id)" "$(inspect '{{.Id}}' "$N:both")"
expect_exit 1 old_docker build -o other -o type=oci,dest=layout.tar context
expect_contains "$OUT" 'exporter oci: this client takes no such output'

# A client without a session, and its context in the request.
tar -C context -c . | curl -s --unix-socket "${DOCKER_HOST#unix://}" -H 'Content-Type: application/x-tar' \
  --data-binary @- "http://d/build?version=2&t=$N:http" >answer
expect_eq "$(jq -r 'select(.id == "moby.image.id").aux.ID' answer)" "$(inspect '{{.Id}}' "$N:http")"
