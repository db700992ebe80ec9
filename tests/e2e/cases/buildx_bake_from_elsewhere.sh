# Stock `docker buildx bake URL`: the file that says what to build is read by the daemon, from a repository or the
# web.
peers_ready
own_daemon
command -v git >/dev/null || skip "no git"
mkdir -p work/app
echo "from elsewhere" >work/app/file
printf 'FROM %s\nCOPY file /file\n' "$IMAGE" >work/app/Dockerfile
printf 'target "default" {\n  context = "app"\n  tags = ["%s:app"]\n}\n' "$N" >work/docker-bake.hcl
built() {
  expect_eq "$(docker run --rm "$N:app" cat /file)" "from elsewhere"
  docker rmi -f "$N:app" >/dev/null
}

git init -q -b main work
git -C work add -A
git -C work -c user.name=a -c user.email=a@example.com commit -qm first
mkdir served
git clone -q --bare work served/a.git
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
git_port=$(port)
"$(git --exec-path)/git-daemon" --export-all --base-path="$PWD/served" --listen=127.0.0.1 --port="$git_port" >daemon.log 2>&1 &
git_server=$!
web_port=$(port)
python3 -m http.server --bind 127.0.0.1 --directory served "$web_port" >web.log 2>&1 &
web_server=$!
trap 'kill $git_server $web_server 2>/dev/null; stop_own_daemon; podman_gone' EXIT
eventually git ls-remote "git://127.0.0.1:$git_port/a.git"

bx bake --progress plain "git://127.0.0.1:$git_port/a.git#main" >out 2>&1 || fail "$(cat out)"
expect_contains "$(cat out)" "load remote source git://127.0.0.1:$git_port/a.git"
built

# As the root of it is, and a part that is not there.
printf 'target "default" {\n  context = "."\n  dockerfile = "app/Dockerfile"\n  tags = ["%s:app"]\n}\n' "$N" >work/root.hcl
printf 'target "default" {\n  context = "none"\n}\n' >work/none.hcl
ln -s app/file work/file
git -C work add -A
git -C work -c user.name=a -c user.email=a@example.com commit -qm more
git -C work push -q "$PWD/served/a.git" main
bx bake --progress plain -f root.hcl "git://127.0.0.1:$git_port/a.git#main" >out 2>&1 || fail "$(cat out)"
built
expect_exit 1 bx bake --progress plain -f none.hcl "git://127.0.0.1:$git_port/a.git#main"
expect_contains "$OUT" "none"

# A part of it as a named context has its own name there; one of a repository with a directory, and an archive, have
# their files.
printf 'FROM %s\nCOPY --from=part app/file /file\nCOPY --from=whole file /whole\nCOPY --from=packed file /packed\n' \
  "$IMAGE" >work/app/named
cat >work/named.hcl <<END
target "default" {
  context = "app"
  dockerfile = "named"
  tags = ["$N:app"]
  contexts = {
    part = "app"
    whole = "git://127.0.0.1:$git_port/a.git#main:app"
    packed = "http://127.0.0.1:$web_port/app.tar.gz"
  }
}
END
tar -C work/app -czf served/app.tar.gz file
git -C work add -A
git -C work -c user.name=a -c user.email=a@example.com commit -qm named
git -C work push -q "$PWD/served/a.git" main
eventually curl -sf "http://127.0.0.1:$web_port/app.tar.gz" -o /dev/null
bx bake --progress plain -f named.hcl "git://127.0.0.1:$git_port/a.git#main" >out 2>&1 || fail "$(cat out)"
expect_eq "$(docker run --rm "$N:app" cat /file /whole /packed | sort -u)" "from elsewhere"
built

# The file alone: what it names is the client's own.
sed "s|\"app\"|\"$PWD/work/app\"|" work/docker-bake.hcl >served/bake.hcl
eventually curl -sf "http://127.0.0.1:$web_port/bake.hcl" -o got.hcl
bx bake --progress plain "http://127.0.0.1:$web_port/bake.hcl" >out 2>&1 || fail "$(cat out)"
built

expect_exit 1 bx bake --progress plain "http://127.0.0.1:$web_port/none.hcl"
expect_contains "$OUT" "404"
# A link of the repository leads to nothing of the host's.
printf 'target "default" { context = "app" }\n' >outside.hcl
ln -s "$PWD/outside.hcl" work/linked.hcl
git -C work add -A
git -C work -c user.name=a -c user.email=a@example.com commit -qm second
git -C work push -q "$PWD/served/a.git" main
expect_exit 1 bx bake --progress plain -f linked.hcl "git://127.0.0.1:$git_port/a.git#main"
