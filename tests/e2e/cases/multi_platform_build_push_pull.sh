[ -x /usr/bin/qemu-aarch64-static ] || skip "no qemu-aarch64-static"
cp "$(command -v busybox)" busybox-amd64
"$SKIFF_TESTS/../../scripts/fetch-busybox" arm64 busybox-arm64 || skip "busybox for arm64 cannot be fetched"
cat > Dockerfile <<'D'
FROM scratch
ARG TARGETARCH
COPY busybox-$TARGETARCH /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox uname -m > /built-on"]
CMD ["/bin/busybox", "sh", "-c", "echo $(/bin/busybox uname -m) $(/bin/busybox cat /built-on)"]
D
skiff=$SKIFF_BIN/skiff
"$skiff" -H "$DOCKER_HOST" build --platform linux/amd64,linux/arm64 -t "$REGISTRY/$N:1" .
"$skiff" -H "$DOCKER_HOST" push "$REGISTRY/$N:1"
expect_eq "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N:1" | jq -r '[.manifests[].platform.architecture] | sort | join(",")')" amd64,arm64
docker rmi -f "$REGISTRY/$N:1"
expect_eq "$(docker run --rm "$REGISTRY/$N:1")" "x86_64 x86_64"
expect_eq "$(docker run --rm --platform linux/arm64 "$REGISTRY/$N:1" 2>/dev/null)" "aarch64 aarch64"
docker rmi -f "$REGISTRY/$N:1"

# One platform leaves alone, and comes alone out of an archive of both.
of() { "$skiff" -H "$DOCKER_HOST" "$@"; }
platforms() { curl -s --unix-socket "${DOCKER_HOST#unix://}" "http://d/v1.48/images/json?manifests=1" | jq -r --arg n "$N:2" '.[] | select(.RepoTags[]? == $n) | .Manifests[] | select(.Available) | .ImageData.Platform.architecture' | sort -u | tr '\n' ' '; }
of build --platform linux/amd64,linux/arm64 -t "$N:2" . >/dev/null
of save -o both.tar "$N:2"
of save --platform linux/arm64 -o one.tar "$N:2"
expect_exit 1 of save --platform linux/s390x -o none.tar "$N:2"
expect_contains "$OUT" "does not provide the specified platform (linux/s390x)"
docker rmi -f "$N:2" >/dev/null
for archive in one both; do
  of load --platform linux/arm64 -i $archive.tar >/dev/null
  expect_eq "$(platforms)" "arm64 "
  docker rmi -f "$N:2" >/dev/null
done
of load -i both.tar >/dev/null
expect_eq "$(platforms)" "amd64 arm64 "
docker rmi -f "$N:2" >/dev/null
