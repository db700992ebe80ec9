# Stock buildx: what it builds goes into its directories and files, and to a registry.
peers_ready
own_daemon
build() { bx build "$@" "$PWD/context"; }

mkdir -p context/sub
echo hello >context/sub/file
# More than a message of gRPC takes.
head -c 9000000 /dev/urandom >context/large
ln context/large context/large-again
cat >context/Dockerfile <<END
FROM $IMAGE AS image
COPY sub/file /file
FROM scratch
COPY . /files/
COPY --from=image /etc/passwd /
COPY --from=image --chmod=4750 /file /run-as
END

build -o type=local,dest="$PWD/local"
expect_eq "$(cat local/files/sub/file)" hello
cmp local/files/large context/large
expect_eq "$(stat -c %a local/run-as)" 4750
expect_eq "$(cd local && find . -maxdepth 1 | sort | tr '\n' ' ')" '. ./files ./passwd ./run-as '

build --build-arg SOURCE_DATE_EPOCH=1000000000 -o type=local,dest="$PWD/dated"
expect_eq "$(find dated -mindepth 1 -printf '%Ts\n' | sort -u)" 1000000000

build -o type=tar,dest="$PWD/files.tar"
expect_eq "$(tar -xOf files.tar files/sub/file)" hello
tar -xOf files.tar files/large | cmp - context/large
expect_eq "$(build -o - 2>/dev/null | tar -xO files/sub/file)" hello
# A client that stops reading ends its build, and no other one.
(set +o pipefail; build -o - 2>/dev/null | head -c 1000 >/dev/null)

build --target image -o type=docker,dest="$PWD/docker.tar",name="$N:docker"
docker load -q -i docker.tar >/dev/null
expect_eq "$(docker run --rm "$N:docker" cat /file)" hello

# Two at once.
build --target image --metadata-file "$PWD/metadata" -o type=oci,dest="$PWD/image.tar",name="$N:1" -o type=local,dest="$PWD/both"
expect_eq "$(cat both/file)" hello
expect_eq "$(skopeo inspect --format '{{.Digest}}' oci-archive:image.tar)" "$(jq -r '."containerimage.digest"' metadata)"
expect_eq "$(jq -r '."containerimage.descriptor".digest' metadata)" "$(jq -r '."containerimage.digest"' metadata)"
skopeo copy -q oci-archive:image.tar dir:copied
expect_exit 1 docker inspect "$N:1"

# A layout that is a directory: the same as in the tar.
build --target image -o type=oci,tar=false,dest="$PWD/layout",name="$N:1"
expect_eq "$(jq -r '.manifests[0].digest' layout/index.json)" "$(jq -r '."containerimage.digest"' metadata)"
(cd layout/blobs/sha256 && sha256sum * | awk '$1 != $2 { exit 1 }') || fail "a blob is not what its name says"
skopeo copy -q "oci:layout:$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' layout/index.json)" dir:copied-too
cmp copied/manifest.json copied-too/manifest.json
# Of provenance that nobody asked the client for an output may say that it is wanted.
for inline in true false; do
  peers env TMPDIR="$PWD" DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$PWD/config" docker buildx build --target image     -o type=oci,dest="$PWD/inline-$inline.tar",attestation-inline=$inline "$PWD/context"
  mkdir inline-$inline
  tar -C inline-$inline -xf inline-$inline.tar
done
expect_eq "$(jq -r '.manifests[0].mediaType' inline-true/index.json)" application/vnd.oci.image.index.v1+json
expect_eq "$(jq -r '.manifests[0].mediaType' inline-false/index.json)" application/vnd.oci.image.manifest.v1+json
# A client has one such directory: two outputs do not share it. Newer ones say so themselves.
expect_exit 1 build --target image -o type=oci,tar=false,dest="$PWD/first" -o type=oci,tar=false,dest="$PWD/second"
grep -qE 'only one output of a build can be a layout in a directory|oci store key "export" already exists' <<<"$OUT" || fail "$OUT"

# Several platforms have a directory each.
printf 'FROM scratch\nARG TARGETARCH\nCOPY sub/file /$TARGETARCH\n' >several
printf 'FROM scratch AS image\nCOPY sub/file /file\n' >same
build -f "$PWD/several" --platform linux/arm64,linux/amd64 -o type=local,dest="$PWD/each"
expect_eq "$(cat each/linux_amd64/amd64 each/linux_arm64/arm64)" $'hello\nhello'
# Or are in one, where no two have the same file.
build -f "$PWD/several" --platform linux/arm64,linux/amd64 -o type=local,dest="$PWD/shared",platform-split=false
expect_eq "$(cd shared && echo *)" 'amd64 arm64'
expect_exit 1 build --platform linux/arm64,linux/amd64 --target image -f "$PWD/same" -o type=local,dest="$PWD/shared",platform-split=false
expect_contains "$OUT" 'cannot overwrite file from linux/arm64 with linux/amd64 when split option is disabled'

# What the client cannot keep, and what makes no sense.
touch taken
expect_exit 1 build -o type=local,dest="$PWD/taken/below"
expect_exit 1 build -o type=tar,dest="$PWD/x.tar",colour=blue
expect_contains "$OUT" 'colour=blue: unknown attribute'

# To a registry.
build --target image --push -t "$REGISTRY/$N:pushed" --metadata-file "$PWD/metadata"
expect_eq "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/$N:pushed")" \
  "$(jq -r '."containerimage.digest"' metadata)"
expect_exit 1 build --target image --push -t "127.0.0.1:1/$N:pushed"
expect_contains "$OUT" "push 127.0.0.1:1/$N:pushed"

# By the client's login: the daemon has none.
"$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 >registry.log 2>&1 &
server=$!
trap 'kill $server; wait $server || true; stop_own_daemon' EXIT
eventually grep -q serves registry.log
host=$(grep -oE '127\.0\.0\.1:[0-9]+' registry.log | head -1)
echo secret-1 | "$SKIFF_BIN/skiff" registry user add ann --password-stdin --role own --root "$PWD/reg" 2>/dev/null
expect_exit 1 build --target image -o type=image,push=true,name="$host/ann/box:1"
echo secret-1 | peers env DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$PWD/config" docker login -u ann --password-stdin "$host" >/dev/null 2>&1
build --target image -o type=image,push=true,name="$host/ann/box:1"
skopeo inspect --tls-verify=false --creds ann:secret-1 "docker://$host/ann/box:1" >/dev/null
