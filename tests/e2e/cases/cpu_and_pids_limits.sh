expect_exit 1 docker create --cpus 0.001 "$IMAGE" true
expect_contains "$OUT" "range of CPUs is from 0.01 to"
docker run -d --name "$N" --cpus 0.5 --pids-limit 20 --memory 64m "$IMAGE" sleep 100
expect_eq "$(inspect '{{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.Memory}}' "$N")" "500000000 20 67108864"
expect_exit 0 docker exec "$N" sh -c '(for i in $(seq 40); do sleep 5 & done) 2>&1; true'
expect_contains "$OUT" "fork"
docker rm -f "$N"
