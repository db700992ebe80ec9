serve() { : >log; "$SKIFF_BIN/skiff-registry" serve --root "$PWD/reg" --listen 127.0.0.1:0 >log 2>&1 & server=$!; eventually grep -q 127.0.0.1 log
  host=$(grep -oE '127\.0\.0\.1:[0-9]+' log | head -1); }
trap 'kill $server 2>/dev/null; wait $server || true' EXIT
serve
docker save -o image.tar "$IMAGE"
skopeo copy -q --dest-tls-verify=false docker-archive:image.tar "docker://$host/keep:1"
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$host/keep:1")
kill -9 $server
wait $server || true
serve
expect_eq "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$host/keep:1")" "$digest"
