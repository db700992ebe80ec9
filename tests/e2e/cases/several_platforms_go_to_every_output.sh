# A daemon of its own: hits of the cache are counted.
docker save -o base.tar "$IMAGE"
own_daemon
docker load -q -i base.tar
skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir ctx
echo "data $N" > ctx/a
cat > ctx/Dockerfile <<D
FROM --platform=\$BUILDPLATFORM $IMAGE AS made
RUN echo made of $N > /made
FROM scratch
ARG TARGETARCH
COPY --from=made /made /made
COPY a /\$TARGETARCH
D
both=linux/amd64,linux/arm64
# Into the store and to the registry as one index; the stage of the build's platform runs once.
out=$(skiff build --platform $both --push -t "$REGISTRY/$N:1" ctx)
expect_eq "$(grep -c 'Using cache' <<<"$out")" 2 "the stage is built for one platform, and so is its COPY"
expect_eq "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N:1" | jq -r '[.manifests[].platform.architecture] | join(",")')" amd64,arm64
tree=$(skiff image ls --tree "$REGISTRY/$N")
expect_contains "$tree" "|- linux/amd64"
expect_contains "$tree" "\`- linux/arm64"
manifests() {
  curl -s --unix-socket "${DOCKER_HOST#unix://}" "http://d/images/json?manifests=1" | jq -c --arg n "$REGISTRY/$N:1" \
    '[.[] | select(.RepoTags == [$n]) | .Manifests[] | [.Kind, .Available, .ImageData.Platform.architecture]]'
}
expect_eq "$(manifests)" '[["image",true,"amd64"],["image",true,"arm64"]]'
docker image ls --tree >/dev/null
# One platform's manifest by itself has a row of its own, beside the index with the same image.
skiff build --platform linux/amd64 -t "$N-by:one" ctx >/dev/null
docker tag "$REGISTRY/$N:1" "$N-by:all"
of() { docker image inspect -f "$1" "$N-by:$2"; }
expect_eq "$(of '{{.Id}}' one)" "$(of '{{.Id}}' all)"
for tag in one all; do
  target=$(of '{{.Descriptor.digest}}' $tag)
  expect_eq "$(docker images --digests --format '{{.Tag}} {{.Digest}}' "$N-by" | grep "^$tag ")" "$tag $target"
  expect_eq "$(skiff image ls --tree "$N-by:$tag" | awk 'NR == 2 { print $1, $2 }')" "$N-by:$tag $(cut -c 8-19 <<<"$target")"
done
expect_eq "$(skiff image ls --tree "$N-by:one" | grep -c linux/)" 1
expect_eq "$(skiff images -q | sort | uniq -d)" "" "-q tells an image once"
docker rmi "$N-by:one" "$N-by:all" >/dev/null
# Into archives and directories.
skiff build --platform $both -t "$N:2" -o type=oci,dest=all.tar -o out ctx >/dev/null
mkdir layout && tar -C layout -xf all.tar
index=$(jq -r '.manifests[0].digest' layout/index.json)
expect_eq "$(jq -r '[.manifests[].platform.architecture] | join(",")' "layout/blobs/${index/://}")" amd64,arm64
expect_eq "$(skopeo --override-arch arm64 inspect --config oci:layout:2 | jq -r .architecture)" arm64
expect_eq "$(cat out/linux_arm64/arm64 out/linux_amd64/made | tr '\n' ' ')" "data $N made of $N "
# Or into one, where no two have the same file.
printf 'FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH\n' >ctx/apart
skiff build --platform $both -f ctx/apart -o type=local,dest=shared,platform-split=false ctx >/dev/null
expect_eq "$(cd shared && echo *)" "amd64 arm64"
skiff build --platform $both -f ctx/apart -o type=tar,dest=shared.tar,platform-split=false ctx >/dev/null
expect_eq "$(tar -tf shared.tar | tr '\n' ' ')" "./ amd64 arm64 "
expect_exit 1 skiff build --platform $both -o type=local,dest=none,platform-split=false ctx
expect_contains "$OUT" "cannot overwrite made from linux/amd64 with linux/arm64 when split option is disabled"
# The whole index by docker push, too.
docker tag "$REGISTRY/$N:1" "$REGISTRY/$N-too:1"
docker push -q "$REGISTRY/$N-too:1" >/dev/null
expect_eq "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/$N-too:1" | jq '.manifests | length')" 2
# One that does not run here is started with Docker's warning, unless it was asked for.
skiff build --platform linux/s390x -t "$N:far" ctx >/dev/null
expect_contains "$(docker create "$N:far" /x 2>&1)" "The requested image's platform (linux/s390x) does not match the detected host platform (linux/amd64) and no specific platform was requested"
expect_not_contains "$(docker create --platform linux/s390x "$N:far" /x 2>&1)" "does not match"
docker rm $(docker ps -aq --filter "ancestor=$N:far") >/dev/null
# One platform is removed, and a pull brings it back; the index keeps its digest all the time.
digest() { docker image inspect -f '{{index .RepoDigests 0}}' "$REGISTRY/$N:1"; }
docker rmi "$REGISTRY/$N-too:1" >/dev/null
before=$(digest)
expect_contains "$(skiff rmi --platform linux/arm64 "$REGISTRY/$N:1")" "Deleted: sha256:"
expect_eq "$(digest)" "$before"
expect_eq "$(manifests)" '[["image",true,"amd64"],["image",false,"arm64"]]'
expect_exit 1 skiff rmi --platform linux/arm64 "$REGISTRY/$N:1"
expect_contains "$OUT" "does not provide the specified platform (linux/arm64)"
skiff pull -q --platform linux/arm64 "$REGISTRY/$N:1" >/dev/null
expect_eq "$(manifests)" '[["image",true,"amd64"],["image",true,"arm64"]]'
expect_eq "$(digest)" "$before"
docker rmi "$REGISTRY/$N:1" "$N:far" >/dev/null
