# --log-driver local: read by `docker logs`, kept within its size, shown by inspect; a daemon may have it as its default.
docker run --name "$N" --log-driver local --log-opt max-size=10k --log-opt max-file=2 "$IMAGE" sh -c 'seq 1 5000; echo err >&2' >/dev/null 2>&1
expect_eq "$(inspect '{{.HostConfig.LogConfig.Type}} {{index .HostConfig.LogConfig.Config "max-size"}} {{.LogPath}}' "$N")" "local 10k "
# The two streams may arrive in either order.
docker logs --tail 3 "$N" 2>/dev/null | has -x 5000 || fail "the last line is missing"
expect_eq "$(docker logs "$N" 2>&1 >/dev/null)" "err"
[ "$(docker logs "$N" 2>/dev/null | wc -l)" -lt 3000 ] || fail "the log is not kept within its size"
# The client cuts --until to whole seconds.
expect_eq "$(docker logs --since 1h --until "$(($(date +%s) + 60))" "$N" 2>/dev/null | tail -1)" 5000
expect_eq "$(docker logs --until 1h "$N" 2>&1)" ""
expect_eq "$(docker logs --since "$(($(date +%s) + 60))" "$N" 2>&1)" ""
expect_contains "$(docker logs --timestamps --tail 3 "$N" 2>/dev/null)" "Z 5000"
docker start -a "$N" >again 2>&1
grep -qx 5000 again || fail "the second run's output is missing"
docker rm "$N"
expect_exit 125 docker run --rm --log-driver local --log-opt max-file=1 "$IMAGE" true
expect_contains "$OUT" "compression cannot be enabled when max file count is 1"
expect_contains "$(docker info -f '{{.Plugins.Log}}')" "local"
expect_eq "$(docker info -f '{{.LoggingDriver}}')" json-file
docker run --name "$N" --log-driver none "$IMAGE" echo x
expect_exit 1 docker logs "$N"
expect_contains "$OUT" "configured logging driver does not support reading"
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "${DOCKER_HOST#unix://}" "http://d/containers/$N/logs?stdout=1")" 501
docker rm "$N"

SKIFFD_FLAGS="--log-driver local --log-opt max-size=10k --log-opt max-file=2" own_daemon
expect_eq "$(docker info -f '{{.LoggingDriver}}')" local
docker run -d --name "$N" "$IMAGE" sh -c 'echo one; sleep 1000' >/dev/null
expect_eq "$(inspect '{{.HostConfig.LogConfig.Type}}' "$N")" local
expect_eq "$(inspect '{{json .HostConfig.LogConfig.Config}}' "$N")" '{"max-file":"2","max-size":"10k"}'
expect_eq "$(docker run --rm --log-driver json-file --name "$N-json" "$IMAGE" echo x)" x
eventually sh -c "docker logs $N | grep -q one"
# Rotated files are compressed unless told otherwise, and read all the same.
docker run -d --name "$N-packed" --log-opt max-file=50 "$IMAGE" sh -c 'seq 1 5000; sleep 1000' >/dev/null
log=$OWN/root/containers/$(inspect '{{.Id}}' "$N-packed")/local.log
eventually sh -c "docker logs --tail 1 $N-packed | grep -qx 5000"
eventually sh -c "[ -e '$log.9.gz' ] && [ ! -e '$log.1' ] && [ ! -e '$log.2' ]"
gzip -t "$log.9.gz"
expect_eq "$(docker logs "$N-packed" | cksum)" "$(seq 1 5000 | cksum)"
expect_eq "$(docker logs --tail 3000 "$N-packed" | head -1)" 2001
docker run --name "$N-plain" --log-opt compress=false "$IMAGE" seq 1 5000 >/dev/null
[ -e "$OWN/root/containers/$(inspect '{{.Id}}' "$N-plain")/local.log.1" ] || fail "there is no plain file"
