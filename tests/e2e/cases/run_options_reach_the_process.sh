run() { docker run --rm "$@"; }
expect_contains "$(run --add-host db:10.9.8.7 "$IMAGE" cat /etc/hosts)" "10.9.8.7	db"
got=$(run --dns 9.8.7.6 --dns-search a.example --dns-option ndots:3 "$IMAGE" cat /etc/resolv.conf)
for line in "nameserver 9.8.7.6" "search a.example" "options ndots:3"; do expect_contains "$got" "$line"; done
expect_eq "$(run --hostname box "$IMAGE" cat /etc/hostname)" box
expect_eq "$(run --ulimit nofile=321:654 "$IMAGE" sh -c 'ulimit -n; ulimit -Hn' | tr '\n' ' ')" "321 654 "
expect_eq "$(run --sysctl net.ipv4.ip_unprivileged_port_start=77 "$IMAGE" cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 77
[ "$(run --init "$IMAGE" sh -c 'echo $$')" -gt 1 ] || fail "--init: the process is number 1"
expect_eq "$(run --group-add 77 -u app "$IMAGE" id -G | tr ' ' '\n' | grep -c 77)" 1
expect_contains "$(run --shm-size 7m "$IMAGE" df -k /dev/shm)" 7168
printf 'A=file\nB=file\n' > env
expect_eq "$(run --env-file env -e B=flag "$IMAGE" sh -c 'echo $A $B')" "file flag"
id=$(docker create --name "$N" --label a=1 --label b="two words" --restart on-failure:3 "$IMAGE" true)
expect_eq "$(inspect '{{index .Config.Labels "a"}} {{index .Config.Labels "b"}}' "$N")" "1 two words"
expect_eq "$(inspect '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}} {{.Name}} {{.Id}}' "$N")" "on-failure 3 /$N $id"
docker rm "$N"
# Privileged: every capability of the host's root, no filter, the host's devices, no read-only paths.
got=$(run --privileged "$IMAGE" sh -c 'grep -E "CapEff|Seccomp:" /proc/self/status; ls /dev | wc -l; mount -t tmpfs x /tmp && echo mounted')
expect_contains "$got" "$(grep CapBnd /proc/self/status | sed s/CapBnd/CapEff/)"
expect_contains "$got" "Seccomp:	0"
expect_contains "$got" mounted
expect_exit 125 docker run --rm --add-host bad "$IMAGE" true
expect_exit 125 docker run --rm --sysctl kernel.panic=1 "$IMAGE" true
expect_contains "$OUT" kernel.panic
