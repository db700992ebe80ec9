# Stock buildx: the builds of the past, their steps and words; what was secret is not in it; they go by name.
peers_ready
bx history ls --help 2>&1 | has "build records" || skip "this buildx has no history: SKIFF_PEERS_SUITE=sid has one"
own_daemon
mkdir context
printf 'FROM %s AS first\nARG TOKEN\nRUN : $TOKEN; echo said-by-%s\n' "$IMAGE" "$N" >context/Dockerfile
printf 'FROM %s\nRUN echo wrong >&2; exit 3\n' "$IMAGE" >context/bad
bx build -t "$N" --build-arg TOKEN=planted --target first "$PWD/context" >log 2>&1 || fail "$(cat log)"
expect_contains "$(cat log)" "RUN : planted;"
bx build -t "$N" "$PWD/context" >log 2>&1 || fail "$(cat log)"
expect_exit 1 bx build -f "$PWD/context/bad" "$PWD/context"
expect_exit 1 bx build --check "$PWD/context"
list=$(bx history ls --format '{{json .}}')
expect_eq "$(wc -l <<<"$list")" 3 "$list"
expect_eq "$(jq -r .status <<<"$list" | tr '\n' ' ')" 'Error Completed Completed '
expect_eq "$(jq -r '.name' <<<"$list" | tail -1)" 'context (first)'
expect_eq "$(sed -n 2p <<<"$list" | jq '.total_steps == .completed_steps and .total_steps > 2')" true
id() { sed -n "${1}p" <<<"$list" | jq -r .ref | sed 's/.*\///'; }
expect_contains "$(bx history inspect "$(id 3)")" TOKEN
expect_not_contains "$(bx history inspect "$(id 3)")" planted
expect_contains "$(bx history inspect "$(id 1)")" "exit code: 3"
expect_contains "$(bx history logs "$(id 3)" 2>&1)" "said-by-$N"
expect_contains "$(bx history logs 2>&1)" wrong
# How it was made is attached, and told by --metadata-file.
expect_contains "$(bx history inspect --format json "$(id 2)" | jq -c .Materials)" "pkg:docker/${IMAGE%:*}@${IMAGE#*:}"
expect_contains "$(bx history inspect --format json "$(id 2)" | jq -c .Attachments)" "https://slsa.dev/provenance/v0.2"
expect_contains "$(bx history inspect attachment --type provenance "$(id 2)")" dockerfile.v0
bx build -t "$N" --metadata-file "$PWD/metadata" "$PWD/context" >log 2>&1 || fail "$(cat log)"
expect_eq "$(jq -r '."buildx.build.provenance".invocation.configSource.entryPoint' metadata)" Dockerfile
bx build --platform linux/amd64,linux/arm64 --metadata-file "$PWD/metadata" --output type=cacheonly - <<<$'FROM scratch\nLABEL a=b' >log 2>&1 ||
  fail "$(cat log)"
expect_eq "$(jq -r '."buildx.build.provenance/linux/arm64".invocation.environment.platform' metadata)" linux/arm64
bx history rm $(bx history ls --format '{{.Ref}}' | head -2 | sed 's/.*\///') >/dev/null
# By another daemon, too.
kill "$OWN_PID"
wait "$OWN_PID" || true
start_own_daemon
expect_contains "$(bx history logs "$(id 3)" 2>&1)" "said-by-$N"
grep -q planted "$OWN/root/build-history.db"* && fail "a value of an argument is kept"
bx history rm "$(id 2)" >/dev/null
expect_eq "$(bx history ls --format '{{.Ref}}' | wc -l)" 2
bx history rm --all >/dev/null
expect_eq "$(bx history ls --format '{{.Ref}}')" ''
# One at work.
printf 'FROM %s\nRUN --mount=type=cache,target=/gate until [ -e /gate/open ]; do sleep 0.1; done\n' "$IMAGE" >context/slow
printf 'FROM %s\nRUN --mount=type=cache,target=/gate touch /gate/open\n' "$IMAGE" >context/open
bx build --progress plain -f "$PWD/context/slow" "$PWD/context" >slow.log 2>&1 &
slow=$!
eventually grep -q '2/2\] RUN' slow.log
expect_eq "$(bx history ls --format '{{.Status}}')" Running
expect_contains "$(bx history inspect)" "(running)"
bx build -f "$PWD/context/open" "$PWD/context" >/dev/null 2>&1
wait $slow
expect_eq "$(bx history ls --format '{{.Status}}' | sort -u)" Completed
