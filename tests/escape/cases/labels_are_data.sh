# CVE-2026-53488, CVE-2026-53489, CVE-2026-53492: what an image says in labels, environment and the rest of its config
# is data: no option of ours, of a log driver or of the runtime.
flags=()
for label in "com.docker.log.path=$SENTINEL/log" "log-path=$SENTINEL/log" "max-size=1" "seccomp=unconfined" \
  "io.containerd.runc.hooks=$SENTINEL/program" "org.opencontainers.image.stopSignal=SIGKILL" "run.oci.hooks=x" \
  "io.kubernetes.cri-o.Devices=/dev/sda" "org.criu.config=$SENTINEL/secret" \
  "cdi.k8s.io/all=vendor.example/device=all" "io.kubernetes.cri.image-name=$N:taken"; do
  flags+=(--change "LABEL $label")
done
# The annotations that the runtime knows, as an image might give them.
known=$(grep -ohE '"[a-z]+(\.[a-zA-Z0-9_-]+)+"' "$SKIFF_TESTS"/../../src/runtime/annotations.h | tr -d '"')
[ -n "$known" ] || fail "the runtime knows no annotation"
for name in $known; do flags+=(--change "LABEL $name=true"); done
show='grep -E "Seccomp:|CapEff|NoNew" /proc/self/status; cat /proc/1/comm; tr "\0" " " </proc/1/cmdline | head -c 12
  ls /dev; wc -l </proc/self/mountinfo'
docker import "${flags[@]}" --change "ENV NOTIFY_SOCKET=$SENTINEL/socket" --change 'ENV LD_PRELOAD=/trap.so' \
  --change "ENV SKIFF_ROOT=$SENTINEL" "$BASE_TAR" "$N" >/dev/null
expect_eq "$(docker run --rm "$N" sh -c "$show")" "$(docker run --rm "$IMAGE" sh -c "$show")"
options='{{.HostConfig.Privileged}} {{.HostConfig.Init}} {{.HostConfig.LogConfig.Type}} {{len .HostConfig.LogConfig.Config}} {{.HostConfig.SecurityOpt}}'
docker create --name "$N" "$N" true >/dev/null
docker create --name "$N-plain" "$IMAGE" true >/dev/null
expect_eq "$(inspect "$options" "$N")" "$(inspect "$options" "$N-plain")"
docker rm "$N" "$N-plain" >/dev/null
expect_eq "$(docker images -q "$N:taken")" ""
