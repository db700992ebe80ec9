# Docker's client before buildx: its SSH agent in a RUN.
old_docker_ready
own_daemon
export DOCKER_BUILDKIT=1
for tool in ssh-agent ssh-add ssh-keygen; do command -v $tool >/dev/null || skip "no $tool"; done
trap '[ -z "${SSH_AGENT_PID:-}" ] || kill $SSH_AGENT_PID; stop_own_daemon' EXIT
# The program that lists the agent's keys, with what it needs.
mkdir -p tree
cp "$(command -v ssh-add)" tree/ssh-add
ldd "$(command -v ssh-add)" | grep -o '/[^ ]*' | while read -r library; do cp --parents "$library" tree; done
ssh-keygen -q -t ed25519 -N '' -C "key of $N" -f key
eval "$(ssh-agent -a "$PWD/agent")" >/dev/null
ssh-add -q key
printf 'FROM %s\nCOPY . /\nRUN --mount=type=ssh,required=true /ssh-add -l >/keys\n' "$IMAGE" >with-agent
OUT=$(old_docker build --progress plain --ssh default="$SSH_AUTH_SOCK" -f with-agent -t "$N:agent" tree 2>&1) || fail "$OUT"
expect_contains "$(docker run --rm "$N:agent" cat /keys)" "key of $N"
expect_exit 1 old_docker build --no-cache -f with-agent tree
