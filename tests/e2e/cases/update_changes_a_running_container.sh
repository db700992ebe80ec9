docker run -d --name "$N" --memory 64m "$IMAGE" sleep 100
limits() { docker exec "$N" sh -c "cat /sys/fs/cgroup/$1 2>/dev/null || cat /sys/fs/cgroup/$2"; }
expect_eq "$(docker update --memory 96m --memory-swap 192m --pids-limit 50 --cpus 0.5 "$N")" "$N"
expect_eq "$(inspect '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}' "$N")" "100663296 50 500000000"
expect_eq "$(limits memory.max memory/memory.limit_in_bytes)" 100663296
expect_eq "$(limits pids.max pids/pids.max)" 50
docker update --cpu-shares 512 "$N"
expect_eq "$(limits pids.max pids/pids.max)" 50
docker update --pids-limit -1 "$N"
expect_eq "$(limits pids.max pids/pids.max)" max
expect_eq "$(inspect '{{.HostConfig.PidsLimit}}' "$N")" 0
docker update --restart unless-stopped "$N"
expect_eq "$(inspect '{{.HostConfig.RestartPolicy.Name}}' "$N")" unless-stopped
expect_exit 1 docker update --memory 1m "$N"
expect_contains "$OUT" "Minimum memory limit"
docker rm -f "$N"
expect_exit 1 docker update --memory 64m "$N"
expect_contains "$OUT" "No such container: $N"
