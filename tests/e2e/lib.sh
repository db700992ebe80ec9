# What the end-to-end cases share. Sourced by each case through tests/e2e/run, with
#   DOCKER_HOST  the private daemon      IMAGE  a busybox image      REGISTRY  host:port of ours
#   N            a name prefix of the case's own                     PWD       a directory of its own
# A case passes by ending with 0; `skip REASON` leaves it out.
set -euo pipefail

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }

expect_eq() { [ "$1" = "$2" ] || fail "expected '$2', got '$1'${3:+ ($3)}"; }
expect_contains() { case "$1" in *"$2"*) ;; *) fail "expected '$2' in: $1" ;; esac; }
expect_not_contains() { case "$1" in *"$2"*) fail "did not expect '$2' in: $1" ;; esac; }

# expect_exit CODE COMMAND...: runs it, requires the exit code; output (both streams) in $OUT.
expect_exit() {
  local want=$1 got=0
  shift
  OUT=$("$@" 2>&1) || got=$?
  [ "$got" = "$want" ] || fail "exit code $got, expected $want, from: $*: $OUT"
}

# eventually COMMAND...: until it succeeds, at most 10 s.
eventually() {
  local _
  for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  fail "never came true: $*"
}

# What a suite of cases does at the end of each; its own lib.sh says otherwise.
after_case() { :; }

inspect() { docker inspect -f "$1" "$2"; }

# A daemon of the case's own, for cases that restart it, fill it or prune it: sets DOCKER_HOST.
# SKIFFD_FLAGS: more flags for it.
# Ends with the case.
own_daemon() {
  OWN=$PWD/own
  mkdir -p "$OWN"
  export DOCKER_HOST=unix://$OWN/skiff.sock
  trap stop_own_daemon EXIT
  start_own_daemon
  docker import "$BASE_TAR" "$IMAGE" >/dev/null
}
start_own_daemon() {
  setsid "$SKIFF_BIN/skiffd" --root "$OWN/root" --run-dir "$OWN/run" --socket "$OWN/skiff.sock" ${SKIFFD_FLAGS:-} >>"$OWN/log" 2>&1 &
  OWN_PID=$!
  eventually docker version
}
stop_own_daemon() {
  local id
  # Its containers outlive a daemon that the case has killed.
  kill -0 "$OWN_PID" 2>/dev/null || start_own_daemon
  for id in $(docker ps -aq 2>/dev/null); do docker rm -f "$id" >/dev/null 2>&1 || true; done
  kill "$OWN_PID" 2>/dev/null || true
  wait "$OWN_PID" 2>/dev/null || true
}

# with_containerd SCRIPT: Debian's containerd at $PWD/containerd/sock, and the script beside it, in mount,
# network and process namespaces of their own: no file, rule or process is left, none of the host's seen.
# Sets OUT. Cgroups named after $N are removed at the end.
with_containerd() {
  command -v containerd >/dev/null || skip "no containerd: install docker.io"
  trap 'find /sys/fs/cgroup -depth -type d -path "*/$N-*" -exec rmdir {} + 2>/dev/null || true' EXIT
  mkdir -p containerd
  cat >containerd.toml <<EOF
version = 2
root = "$PWD/containerd/root"
state = "$PWD/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$PWD/containerd/sock"
EOF
  cat >start <<'EOF'
set -eu
mount -t tmpfs tmpfs /run # where its shims have their sockets
ip link set lo up
containerd -c containerd.toml >containerd.log 2>&1 &
code() { local got=0; "$@" || got=$?; echo "code $got"; }
until_true() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; tail ./*.log; exit 1; }
. "./$1"
EOF
  OUT=$(N=$N timeout 100 unshare --mount --net --pid --fork --kill-child --mount-proc bash start "$1" 2>&1 | tr -d '\r') ||
    fail "$1: $OUT"
}

# Stock clients of a Debian 13 tree (tests/peers), with a private podman store: gone with the case.
peers_ready() {
  "$SKIFF_TESTS/../peers" true 2>/dev/null || skip "no peers: run tests/peers --setup"
  trap 'podman_gone' EXIT
}
peers() { "$SKIFF_TESTS/../peers" "$@"; }
podman_here() {
  peers env PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman --root "$PWD/podman" --runroot "$PWD/podman-run" \
    --runtime runc --cgroup-manager cgroupfs --events-backend none "$@"
}
podman_gone() {
  podman_here rm -af >/dev/null 2>&1 || true
  podman_here rmi -af >/dev/null 2>&1 || true
  find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
}
