# Stock buildx: a client that is stopped in the midst of its context (^Z) holds up no other build of that directory.
peers_ready
own_daemon
mkdir -p context/many
seq 20000 | (cd context/many && xargs touch)
printf 'FROM scratch\nCOPY many /many\n' >context/Dockerfile
begun() { [ -n "$(find "$OWN/root/builder/sources" -maxdepth 1 -name 'new-*')" ]; }
# A group of its own: it is stopped at once.
BECOME='exec setsid' bx build --progress plain "$PWD/context" >stopped.log 2>&1 &
stopped=$!
until begun; do kill -0 $stopped || fail "over before it could be stopped: $(cat stopped.log)"; done
kill -STOP -- -$stopped
begun || fail "over before it was stopped"
bx build --progress plain -t "$N" "$PWD/context" >other.log 2>&1 || fail "$(cat other.log)"
expect_eq "$(docker image inspect -f '{{len .RootFS.Layers}}' "$N")" 1
begun || fail "the stopped one has gone on"
kill -CONT -- -$stopped
wait $stopped || fail "$(cat stopped.log)"
# What it has sent is found again.
bx build --progress plain "$PWD/context" >again.log 2>&1
expect_eq "$(grep -cE '^#[0-9]+ CACHED$' again.log)" 1
