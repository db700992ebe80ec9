# Stock docker with buildx, on the socket as it is: lists the builder, builds, and gets what it built.
peers_ready
own_daemon

OUT=$(bx ls)
expect_contains "$OUT" running
expect_contains "$OUT" linux/amd64

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
OUT=$(bx build --progress plain --build-arg WORD=spoken --label by=flag --secret id=s,src="$PWD/secret" \
  --iidfile "$PWD/iid" --metadata-file "$PWD/metadata" -t "$N:1" "$PWD/context" 2>&1)
expect_contains "$OUT" '] RUN echo said spoken && test'
said() { grep -v '] RUN' <<<"$OUT" || true; }
expect_contains "$(said)" 'said spoken'
expect_contains "$OUT" "naming to docker.io/library/$N:1"
expect_eq "$(docker run --rm "$N:1" cat /again /files/sub/file)" $'spoken\nhello'
expect_eq "$(inspect '{{.Config.Labels.from}} {{.Config.Labels.by}}' "$N:1")" 'file flag'
expect_eq "$(docker run --rm "$(cat iid)" cat /word)" spoken
expect_eq "$(jq -r '."image.name"' metadata)" "docker.io/library/$N:1"

# Nothing changed: all of it is in the cache. One file did: it is not.
OUT=$(bx build --progress plain --build-arg WORD=spoken --secret id=s,src="$PWD/secret" -t "$N:1" "$PWD/context" 2>&1)
expect_contains "$OUT" CACHED
expect_not_contains "$(said)" 'said spoken'
echo HELLO >context/sub/new
touch -r context/sub/file context/sub/new
mv context/sub/new context/sub/file
bx build -q --build-arg WORD=spoken --secret id=s,src="$PWD/secret" -t "$N:2" "$PWD/context" >id
expect_eq "$(docker run --rm "$(cat id)" cat /files/sub/file)" HELLO

bx build -q --target first -t "$N:first" "$PWD/context"
expect_eq "$(docker run --rm "$N:first" cat /word)" none

# Where the host is the client asks the builder, and gives up where it does not know.
printf 'FROM %s\nRUN cat /etc/hosts\n' "$IMAGE" >asked-of-run
OUT=$(bx build --progress plain --no-cache --add-host zz:host-gateway -f "$PWD/asked-of-run" "$PWD/context" 2>&1)
expect_contains "$OUT" "$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' bridge)"$'\tzz'

# What the frontend does not take, in its words alone.
expect_exit 1 bx build --platform foo/bar/baz/far -f "$PWD/asked-of-run" "$PWD/context"
expect_not_contains "$OUT" 'InvalidArgument: InvalidArgument'
expect_exit 1 bx build --attest type=provenance,version=v9 -f "$PWD/asked-of-run" "$PWD/context"
expect_contains "$OUT" 'version "v9" is not served'
expect_not_contains "$OUT" 'Unimplemented:'

# A step that fails: its output, its place, and exit code 1.
printf 'FROM %s\nRUN echo before && exit 7\n' "$IMAGE" >failing
expect_exit 1 bx build --progress plain -f "$PWD/failing" "$PWD/context"
expect_contains "$OUT" before
expect_contains "$OUT" 'did not complete successfully: exit code: 7'
expect_contains "$OUT" '>>> RUN echo before && exit 7'
expect_exit 1 bx build -f "$PWD/none" "$PWD/context"
# A file that is not there: the client tells of those beside it, which no step reads.
printf 'FROM scratch\nCOPY sub/fiel /\n' >misspelt
expect_exit 1 bx build -f "$PWD/misspelt" "$PWD/context"
expect_contains "$OUT" '"/sub/fiel": not found (did you mean sub/file?)'
printf 'FROM scratch\nCOPY sup /\n' >misspelt
expect_exit 1 bx build -f "$PWD/misspelt" "$PWD/context"
expect_contains "$OUT" '"/sup": not found (did you mean sub?)'
printf 'FROM scratch\nCOPY left-put /\n' >misspelt
expect_exit 1 bx build -f "$PWD/misspelt" "$PWD/context"
expect_not_contains "$OUT" 'did you mean'

# Triggers that stand on nothing are at work beside their FROM and one another: each is shown for
# itself, from its start to its end.
number_of() { sed -nE "s/^(#[0-9]+) \[ *[0-9]+\/[0-9]+\] $1.*/\1/p" <<<"$OUT" | sort -u; }
printf 'FROM %s\nONBUILD RUN echo by a trigger\nONBUILD COPY --link sub/file /linked\n' "$IMAGE" >triggers
bx build -q -f "$PWD/triggers" -t "$N:triggers" "$PWD/context" >id
printf 'FROM %s\nRUN cat /linked\n' "$N:triggers" >triggered
OUT=$(bx build --progress plain --no-cache -f "$PWD/triggered" "$PWD/context" 2>&1)
for step in FROM 'ONBUILD RUN' 'ONBUILD COPY' RUN; do
  expect_eq "$(grep -cE "^$(number_of "$step") (DONE|CACHED|ERROR|CANCELED)" <<<"$OUT")" 1
done
expect_contains "$(grep "^$(number_of 'ONBUILD RUN') " <<<"$OUT")" 'by a trigger'
printf 'FROM %s\nONBUILD RUN sleep 600\nONBUILD COPY --link gone /linked\n' "$IMAGE" >triggers
bx build -q -f "$PWD/triggers" -t "$N:triggers" "$PWD/context" >id
expect_exit 1 bx build --progress plain --no-cache -f "$PWD/triggered" "$PWD/context"
expect_contains "$(grep "^$(number_of 'ONBUILD COPY') " <<<"$OUT")" 'ERROR: '
RUN=$(number_of 'ONBUILD RUN')
[ -z "$RUN" ] || expect_contains "$(grep "^$RUN " <<<"$OUT")" CANCELED

# Standard input: a Dockerfile alone, and a context.
printf 'FROM %s\nRUN echo alone >/alone\n' "$IMAGE" | bx build -q -t "$N:alone" -
expect_eq "$(docker run --rm "$N:alone" cat /alone)" alone
tar -C context --exclude left-out -c . | bx build -q -t "$N:tar" --build-arg WORD=tar --target first -
expect_eq "$(docker run --rm "$N:tar" cat /word)" tar

# Contexts with names: a directory, and an image.
mkdir named
echo named >named/file
printf 'FROM base\nCOPY --from=files file /named\n' >with-names
bx build -q -f "$PWD/with-names" -t "$N:named" --build-context files="$PWD/named" \
  --build-context base=docker-image://"$N:1" "$PWD/context"
expect_eq "$(docker run --rm "$N:named" cat /named /word)" $'named\nspoken'

# Questions, in place of a build.
printf 'from %s as Base\nARG V=1\nFROM Base AS last\nRUN true\n' "$IMAGE" >asked
# Clients before 0.15 ask nothing.
if bx build --help | has -e --call; then
  expect_exit 1 bx build --check -f "$PWD/asked" "$PWD/context"
  expect_contains "$OUT" StageNameCasing
  expect_contains "$(bx build --call targets -f "$PWD/asked" "$PWD/context" 2>&1)" 'last (default)'
  expect_contains "$(bx build --call outline -f "$PWD/asked" "$PWD/context" 2>&1)" V
  expect_contains "$(bx build --call subrequests.describe -f "$PWD/asked" "$PWD/context" 2>&1)" outline
  expect_exit 1 bx build --call nonsense -f "$PWD/asked" "$PWD/context"
  expect_contains "$OUT" frontend.subrequests.describe
  bx build --call outline,format=json -f "$PWD/asked" "$PWD/context" >outline 2>/dev/null
  expect_eq "$(jq -r '.sources[0]' outline | base64 -d | cmp - asked 2>&1)" ""
  expect_contains "$(jq -c '.args[] | select(.name == "V") | .location.ranges[0]' outline)" '"line"'
fi

expect_contains "$(bx du)" Total
bx prune -f >/dev/null
