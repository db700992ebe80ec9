skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir ctx
echo hello > ctx/a
cat > ctx/Dockerfile <<'D'
FROM scratch
COPY a /d/a
CMD ["/d/a"]
D
# A directory, also one that has files already; nothing of the image is kept.
mkdir out && echo old > out/keep
skiff build -o out ctx >/dev/null
expect_eq "$(cat out/d/a) $(cat out/keep)" "hello old"
expect_eq "$(find . -name '.skiff-*')" ""
# A tar on standard output, with the progress elsewhere.
expect_eq "$(skiff build -o - ctx 2>/dev/null | tar -xO d/a)" hello
skiff build -o type=tar,dest=files.tar ctx >/dev/null
expect_eq "$(tar -tf files.tar | tr '\n' ' ')" "./ d/ d/a "
# An OCI layout and a docker-archive, as stock clients read them.
skiff build -t "$N:1" -o type=oci,dest=oci.tar -o type=docker,dest=docker.tar ctx >/dev/null
expect_exit 1 docker image inspect "$N:1"
expect_eq "$(skopeo inspect --config oci-archive:oci.tar | jq -c .config.Cmd)" '["/d/a"]'
expect_eq "$(skopeo inspect docker-archive:docker.tar | jq -r '.Layers | length')" 1
docker load -i docker.tar
expect_eq "$(docker image inspect -f '{{.Config.Cmd}}' "$N:1")" "[/d/a]"
docker rmi "$N:1" >/dev/null
skiff build -t "$N:1" -o type=oci,dest=layout,tar=false ctx >/dev/null
expect_eq "$(skopeo inspect --config "oci:layout:1" | jq -c .config.Cmd)" '["/d/a"]'
# Another image beside it, and the first one again.
printf 'FROM scratch\nCOPY a /other\nCMD ["/other"]\n' > ctx/other
skiff build -f ctx/other -t "$N:2" -o type=oci,dest=layout,tar=false ctx >/dev/null
skiff build -t "$N:1" -o type=oci,dest=layout,tar=false ctx >/dev/null
expect_eq "$(skopeo inspect --config "oci:layout:1" | jq -c .config.Cmd)" '["/d/a"]'
expect_eq "$(skopeo inspect --config "oci:layout:2" | jq -c .config.Cmd)" '["/other"]'
expect_eq "$(jq '.manifests | length' layout/index.json)" 2
expect_exit 125 skiff build -o type=oci,dest=layout,tar=maybe ctx
expect_contains "$OUT" "tar=maybe: it is true or false"
# A file where a directory is to be: nothing is written.
mkdir full && echo mine > full/d
expect_exit 1 skiff build -o full ctx
expect_contains "$OUT" "nothing is written: full/d is no directory"
expect_eq "$(find full | sort | tr '\n' ' ')" "full full/d "
# With an epoch all that comes has that time, directories, too.
SOURCE_DATE_EPOCH=1000000000 skiff build -o dated ctx >/dev/null
expect_eq "$(find dated -mindepth 1 -printf '%Ts %P\n' | sort -k 2 | tr '\n' ' ')" "1000000000 d 1000000000 d/a "
# Pushed, by its tag and by its digest alone.
skiff build --push -t "$REGISTRY/$N:1" --metadata-file meta ctx >/dev/null
expect_eq "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/$N:1")" "$(jq -r '."containerimage.digest"' meta)"
skiff build -o "type=image,name=$REGISTRY/$N-digest,push-by-digest=true" --metadata-file meta ctx >/dev/null
skopeo inspect --tls-verify=false "docker://$REGISTRY/$N-digest@$(jq -r '."containerimage.digest"' meta)" >/dev/null
expect_exit 1 skopeo inspect --tls-verify=false "docker://$REGISTRY/$N-digest:latest"
# A failed build leaves no file, a wrong word one clear line.
printf 'FROM %s\nRUN false\n' "$IMAGE" > ctx/broken
expect_exit 1 skiff build -f ctx/broken -o type=tar,dest=none.tar ctx
expect_exit 1 skiff build -f ctx/broken -o none ctx
expect_eq "$(find . -name 'none*')" ""
expect_exit 125 skiff build -o type=zip,dest=x ctx
expect_contains "$OUT" 'type "zip"'
expect_exit 1 skiff build -o type=tar,dest=x.tar,colour=red ctx
expect_contains "$OUT" "colour=red: unknown attribute"
expect_exit 125 skiff build -o dest=x ctx
expect_contains "$OUT" "type is required"
# A client that cannot take the bytes is told so.
expect_contains "$(tar -C ctx -c . | curl -s --unix-socket "${DOCKER_HOST#unix://}" -X POST -H 'Content-Type: application/x-tar' --data-binary @- \
  'http://d/v1.51/build?outputs=%5B%7B%22Type%22%3A%22tar%22%7D%5D')" "needs a client that accepts"
docker rmi "$REGISTRY/$N:1" >/dev/null
