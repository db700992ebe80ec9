# Stock buildx and compose put images of several platforms, and those with attestations, into the store.
peers_ready
own_daemon
mkdir context
printf 'FROM scratch\nARG TARGETARCH\nCOPY file /$TARGETARCH\n' >context/Dockerfile
echo hello >context/file
platforms() {
  curl -s --unix-socket "${DOCKER_HOST#unix://}" "http://d/images/json?manifests=1" |
    jq -r --arg n "$1" '.[] | select(.RepoTags == [$n]) | [.Manifests[] | .Kind + ":" + (.ImageData.Platform.architecture // "")] | join(",")'
}
# compose asks for images with load=true.
printf 'services:\n  web:\n    image: %s:composed\n    build: context\n' "$N" >compose.yaml
peers env TMPDIR="$PWD" DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$PWD/config" COMPOSE_BAKE=0 \
  docker compose --project-directory "$PWD" build >composed 2>&1 || fail "$(cat composed)"
expect_eq "$(platforms "$N:composed")" image:amd64
both=linux/amd64,linux/arm64
bx build --platform $both --load -t "$N:1" "$PWD/context"
expect_eq "$(platforms "$N:1")" image:amd64,image:arm64
bx build --provenance=true --label attested=yes --load -t "$N:2" "$PWD/context"
expect_contains "$(platforms "$N:2")" image:amd64,attestation
printf 'target "default" {\n  context = "%s"\n  tags = ["%s:3"]\n  platforms = ["linux/amd64", "linux/arm64"]\n  labels = { baked = "yes" }\n}\n' "$PWD/context" "$N" >bake.hcl
bx bake -f "$PWD/bake.hcl" --load
expect_eq "$(platforms "$N:3")" image:amd64,image:arm64
# By the remote driver the image goes to the client and back, as a layout.
bx create --name "$N" --driver remote "$DOCKER_HOST" >/dev/null
bx build --builder "$N" --platform $both --label far=yes --load -t "$N:4" "$PWD/context"
expect_eq "$(platforms "$N:4")" image:amd64,image:arm64
expect_exit 1 bx build --builder "$N" --platform $both -o type=docker,dest="$PWD/docker.tar" "$PWD/context"
expect_contains "$OUT" "manifest lists"
expect_contains "$(docker info -f '{{.DriverStatus}}')" "[driver-type io.containerd.snapshotter.v1]"
