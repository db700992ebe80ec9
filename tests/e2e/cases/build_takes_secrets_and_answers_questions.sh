skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir ctx
printf hunter2 > token
cat > ctx/Dockerfile <<D
FROM $IMAGE AS Made
RUN --mount=type=secret,id=token,env=TOKEN test \${#TOKEN} = 7 && echo "it is \$TOKEN"
RUN --mount=type=cache,target=/c,id=$N echo kept >> /c/f && cp /c/f /f
CMD cat /f
D
out=$(skiff build -t "$N" --secret id=token,src=token --metadata-file meta ctx)
expect_contains "$out" "it is [secret]"
expect_not_contains "$out" hunter2
expect_contains "$out" "StageNameCasing"
expect_eq "$(jq -r '."containerimage.config.digest"' meta)" "$(docker image inspect -f '{{.Id}}' "$N")"
skiff build -t "$N" --secret id=token,src=token --no-cache-filter made ctx >/dev/null
expect_eq "$(docker run --rm "$N")" "kept
kept"
expect_exit 1 skiff build -t "$N" --secret id=nosuch ctx
expect_exit 1 skiff build --check ctx
expect_contains "$OUT" "JSONArgsRecommended"
expect_contains "$(skiff build --call targets ctx)" "made (default)"
expect_contains "$(skiff build --call outline ctx)" "token"
expect_contains "$(skiff build --call subrequests.describe ctx)" "subrequests.describe   1.0.0"
expect_exit 1 skiff build --call nonsense ctx
expect_contains "$OUT" "subrequests.describe"
# In JSON, as buildx prints it.
expect_eq "$(skiff build --call outline,format=json ctx | jq -r '.secrets[0].name')" token
expect_contains "$(skiff build --call targets,format=json ctx | jq -c '.targets[].location')" '"ranges":[{"start":{"line":1}'
expect_exit 1 skiff build --call check,format=json ctx
expect_eq "$(skiff build --call check,format=json,ignorestatus=true ctx | jq -r '.sources[0].filename')" Dockerfile
expect_exit 1 skiff build --call check,format=xml ctx
expect_contains "$OUT" 'format=xml'
# What is found before an error is told with it.
printf 'FROM scratch AS Base\nRNU true\nFROM scratch AS Late\n' > ctx/wrong
expect_exit 1 skiff build --check -f ctx/wrong ctx
expect_contains "$OUT" "Stage name 'Base' should be lowercase"
expect_contains "$OUT" "Check complete, 1 warning has been found!"
expect_contains "$OUT" 'wrong:2: unknown instruction "RNU" (did you mean RUN?)'
skiff build --call check,format=json,ignorestatus=true -f ctx/wrong ctx >wrong.json 2>/dev/null || true
expect_eq "$(jq -c '.buildError.location.ranges' wrong.json)" '[{"start":{"line":2},"end":{"line":2}}]'
rm ctx/wrong
expect_exit 125 skiff build --allow device ctx
expect_contains "$OUT" "it is security.insecure or network.host"
# However large it is: no header holds it.
head -c 300000 /dev/urandom | base64 > large
printf 'FROM %s\nRUN --mount=type=secret,id=large md5sum < /run/secrets/large > /sum && grep -q " /run/secrets/large tmpfs " /proc/mounts\nCMD cat /sum\n' "$IMAGE" > ctx/large
skiff build -q -t "$N" -f ctx/large --secret id=large,src=large ctx >/dev/null
expect_eq "$(docker run --rm "$N")" "$(md5sum < large)"
rm ctx/large
# An ignore file of the Dockerfile's own.
touch ctx/a ctx/b
printf 'FROM %s\nCOPY . /d\nCMD ["ls","/d"]\n' "$IMAGE" > ctx/other
echo a > ctx/other.dockerignore
skiff build -t "$N-o" -f ctx/other ctx >/dev/null
expect_eq "$(docker run --rm "$N-o" | tr '\n' ' ')" "Dockerfile b other other.dockerignore "
docker rmi "$N" "$N-o"
