# --ssh ID=KEY,KEY: the build has an agent of its own with the keys of these files, which is gone with it.
for tool in ssh-agent ssh-add ssh-keygen; do command -v $tool >/dev/null || skip "no $tool"; done
skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir tree tmp
cp "$(command -v ssh-add)" tree/ssh-add
ldd "$(command -v ssh-add)" | grep -o '/[^ ]*' | while read -r library; do cp --parents "$library" tree; done
ssh-keygen -q -t ed25519 -N '' -C one -f one
ssh-keygen -q -t ecdsa -m PEM -N '' -f two
ssh-keygen -q -t rsa -N secret -f locked
chmod 644 one # as it may be where it is mounted
printf 'FROM %s\nCOPY . /\nRUN --mount=type=ssh,id=mine,required=true /ssh-add -l >/keys\n' "$IMAGE" >tree/Dockerfile
(unset SSH_AUTH_SOCK && TMPDIR=$PWD/tmp skiff build -q -t "$N" --ssh mine=one,two tree >/dev/null)
keys=$(docker run --rm "$N" cat /keys)
for key in one two; do
  expect_contains "$keys" "$(ssh-keygen -lf $key.pub | cut -d ' ' -f 2)"
done
expect_eq "$(find tmp -mindepth 1)" "" "the agent's socket is gone"
# An agent's socket is one whatever it is called.
eval "$(ssh-agent -a "$PWD/an,agent")" >/dev/null
trap 'kill "$SSH_AGENT_PID"' EXIT
ssh-add -q two
skiff build -q --no-cache -t "$N" --ssh mine="$PWD/an,agent" tree >/dev/null
keys=$(docker run --rm "$N" cat /keys)
expect_contains "$keys" "$(ssh-keygen -lf two.pub | cut -d ' ' -f 2)"
expect_eq "$(wc -l <<<"$keys")" 1
expect_exit 1 skiff build --ssh mine=locked tree
expect_contains "$OUT" "locked is protected by a passphrase"
expect_exit 1 skiff build --ssh mine=one.pub tree
expect_contains "$OUT" "one.pub is no private key"
expect_exit 1 skiff build --ssh mine=missing tree
expect_contains "$OUT" "missing: No such file"
docker rmi "$N" >/dev/null
