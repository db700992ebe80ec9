# Docker's client before buildx, as it is: it takes BuildKit since the daemon says so, with secrets and all.
old_docker_ready
own_daemon
unset DOCKER_BUILDKIT

mkdir -p context/sub
echo hello >context/sub/file
echo secret >context/left-out
echo left-out >context/.dockerignore
cat >context/Dockerfile <<END
FROM $IMAGE AS first
ARG WORD=none
COPY . /files
RUN echo said \$WORD && test ! -e /files/left-out && echo \$WORD >/word
FROM first
LABEL from=file
RUN --mount=type=secret,id=s cat /run/secrets/s >/dev/null && cp /word /again
END
echo value >secret
OUT=$(old_docker build --progress plain --build-arg WORD=spoken --label by=flag --secret id=s,src=secret \
  --iidfile iid -t "$N:1" -t "$N:other" context 2>&1) || fail "$OUT"
expect_contains "$OUT" 'said spoken'
expect_contains "$OUT" "naming to docker.io/library/$N:other"
expect_eq "$(docker run --rm "$N:1" cat /again /files/sub/file)" $'spoken\nhello'
expect_eq "$(inspect '{{.Config.Labels.from}} {{.Config.Labels.by}}' "$N:other")" 'file flag'
expect_eq "$(inspect '{{.Id}}' "$N:1")" "$(cat iid)"

# Nothing changed: all of it is in the cache. One file did: it is not.
OUT=$(old_docker build --progress plain --build-arg WORD=spoken --secret id=s,src=secret context 2>&1)
expect_eq "$(grep -cE '^#[0-9]+ CACHED$' <<<"$OUT")" 3
echo HELLO >context/sub/file
id=$(old_docker build -q --target first --iidfile iid -t "$N:first" context)
expect_eq "$id" "$(cat iid)"
expect_eq "$(docker run --rm "$id" cat /word /files/sub/file)" $'none\nHELLO'

# A step that fails: its output, its place, and exit code 1; also where silence was asked for.
printf 'FROM %s\nRUN echo before && exit 7\n' "$IMAGE" >failing
for flags in '--progress plain' -q; do
  expect_exit 1 old_docker build $flags -f failing context
  expect_contains "$OUT" ' before'
  expect_contains "$OUT" 'did not complete successfully: exit code: 7'
  expect_contains "$OUT" '>>> RUN echo before && exit 7'
done
expect_exit 1 old_docker build -f none context
expect_contains "$OUT" 'failed to read dockerfile: open none: no such file or directory'

# What is asked of RUN.
printf 'FROM %s\nRUN cat /etc/hosts; ulimit -n; df /dev/shm\n' "$IMAGE" >asked
OUT=$(old_docker build --progress plain --no-cache --network none --add-host a.b:1.2.3.4 --ulimit nofile=100:200 \
  --shm-size 1m --platform linux/amd64 -f asked context 2>&1)
expect_contains "$OUT" $'1.2.3.4\ta.b'
expect_contains "$OUT" ' 100'
expect_contains "$OUT" ' 1024 '

# Given up: no process of it is left.
printf 'FROM %s\nRUN echo begun && sleep 1234.25\n' "$IMAGE" >long
setsid "$OLD_DOCKER" build --progress plain -f long context >log 2>&1 &
client=$!
eventually grep -q begun log
eventually pgrep -f '^sleep 1234.25$'
kill -INT -- -$client
code=0
wait $client || code=$?
expect_eq $code 1
gone() { ! pgrep -f '^sleep 1234.25$'; }
eventually gone
expect_contains "$(cat log)" cancelled
