# Stock buildx: a context from a git repository, and the client's SSH agent in a RUN.
peers_ready
own_daemon
for tool in git ssh-agent ssh-add ssh-keygen; do command -v $tool >/dev/null || skip "no $tool"; done

git init -q -b main work
mkdir work/sub
echo "in the repository" >work/sub/file
printf 'FROM %s\nCOPY file /file\n' "$IMAGE" >work/sub/Dockerfile
git -C work add -A
git -C work -c user.name=a -c user.email=a@example.com commit -qm first
mkdir served
git clone -q --bare work served/a.git
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$(git --exec-path)/git-daemon" --export-all --base-path="$PWD/served" --listen=127.0.0.1 --port="$port" >daemon.log 2>&1 &
served=$!
trap 'kill $served 2>/dev/null; [ -z "${SSH_AGENT_PID:-}" ] || kill $SSH_AGENT_PID; stop_own_daemon; podman_gone' EXIT
eventually git ls-remote "git://127.0.0.1:$port/a.git"
bx build --progress plain -t "$N:git" "git://127.0.0.1:$port/a.git#main:sub" >out 2>&1 || fail "$(cat out)"
expect_eq "$(docker run --rm "$N:git" cat /file)" "in the repository"
# The same with a Dockerfile of the client's.
printf 'FROM %s\nCOPY sub/file /other\n' "$IMAGE" >other
bx build -q -f - -t "$N:other" "git://127.0.0.1:$port/a.git#main" <other >/dev/null
expect_eq "$(docker run --rm "$N:other" cat /other)" "in the repository"

# The program that lists the agent's keys, with what it needs.
mkdir -p tree
cp "$(command -v ssh-add)" tree/ssh-add
ldd "$(command -v ssh-add)" | grep -o '/[^ ]*' | while read -r library; do cp --parents "$library" tree; done
ssh-keygen -q -t ed25519 -N '' -C "key of $N" -f key
eval "$(ssh-agent -a "$PWD/agent")" >/dev/null
ssh-add -q key
printf 'FROM %s\nCOPY . /\nRUN --mount=type=ssh,required=true /ssh-add -l >/keys\nRUN test -z "$SSH_AUTH_SOCK"\n' "$IMAGE" >with-agent
bx build --progress plain --ssh default="$SSH_AUTH_SOCK" -f "$PWD/with-agent" -t "$N:agent" "$PWD/tree" >out 2>&1 || fail "$(cat out)"
expect_contains "$(docker run --rm "$N:agent" cat /keys)" "key of $N"
expect_exit 1 bx build --no-cache -f "$PWD/with-agent" "$PWD/tree"
