# Stock `docker buildx bake`: a target goes on from what another one is; and a context that is an OCI layout.
peers_ready
own_daemon
mkdir -p base app
echo "made by base" >base/file
printf 'FROM %s\nCOPY file /from-base\nENV WHO=base\n' "$IMAGE" >base/Dockerfile
printf 'FROM base AS seen\nRUN cat /from-base >/seen && echo $WHO >>/seen\nFROM %s AS copied\nCOPY --from=base /from-base /copied\n' \
  "$IMAGE" >app/Dockerfile
cat >docker-bake.hcl <<END
group "default" { targets = ["app", "copied"] }
target "base" { context = "$PWD/base" }
target "app" {
  context = "$PWD/app"
  target = "seen"
  contexts = { base = "target:base" }
  tags = ["$N:app"]
}
target "copied" {
  context = "$PWD/app"
  contexts = { base = "target:base" }
  tags = ["$N:copied"]
}
END
bx bake --progress plain -f "$PWD/docker-bake.hcl" >out 2>&1 || fail "$(cat out)"
expect_eq "$(docker run --rm "$N:app" cat /seen)" $'made by base\nbase'
expect_eq "$(docker run --rm "$N:copied" cat /copied)" "made by base"
echo "made again" >base/file
bx bake --progress plain -f "$PWD/docker-bake.hcl" app >out 2>&1 || fail "$(cat out)"
expect_eq "$(docker run --rm "$N:app" head -1 /seen)" "made again"

docker save -o app.tar "$N:app"
skopeo copy -q docker-archive:app.tar oci:layout:one
docker rmi "$N:app" "$N:copied" >/dev/null
bx prune -af >/dev/null
printf 'FROM base\nRUN cp /from-base /again\n' >from-layout
bx build -q -f "$PWD/from-layout" --build-context base=oci-layout://"$PWD/layout:one" -t "$N:layout" "$PWD/app" >/dev/null
expect_eq "$(docker run --rm "$N:layout" cat /again)" "made again"
none=sha256:$(printf '%064d' 0)
expect_exit 1 bx build -f "$PWD/from-layout" --build-context base=oci-layout://"$PWD/layout@$none" "$PWD/app"
expect_contains "$OUT" "$none"
