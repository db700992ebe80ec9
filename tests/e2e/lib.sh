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

# has PATTERN...: grep at the end of a pipe, quiet, but reading to the end: one that leaves early fails
# the pipe, by the signal that its writer gets.
has() { grep "$@" >/dev/null; }

# eventually COMMAND...: until it succeeds, at most a minute: a busy machine takes its time.
eventually() {
  local _
  for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
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
launch_own_daemon() {
  setsid "$SKIFF_BIN/skiffd" --root "$OWN/root" --run-dir "$OWN/run" --socket "$OWN/skiff.sock" ${SKIFFD_FLAGS:-} >>"$OWN/log" 2>&1 &
  OWN_PID=$!
}
own_daemon_answers() {
  (eventually docker version) || { tail -n 20 "$OWN/log" >&2; return 1; }
}
start_own_daemon() {
  launch_own_daemon
  own_daemon_answers || fail "the case's own daemon does not answer"
}
stop_own_daemon() {
  local id
  # Its containers outlive a daemon that the case has killed.
  if ! kill -0 "$OWN_PID" 2>/dev/null; then
    launch_own_daemon
    own_daemon_answers || true
  fi
  for id in $(docker ps -aq 2>/dev/null); do docker rm -f "$id" >/dev/null 2>&1 || true; done
  kill "$OWN_PID" 2>/dev/null || true
  wait "$OWN_PID" 2>/dev/null || true
}

# The case, begun anew in a mount namespace of its own, where /etc is its own, too: the host's stays as it
# is. For users and ids that a daemon of the case's own is to know.
own_etc() {
  [ -z "${OWN_ETC:-}" ] || return 0
  find . -mindepth 1 -delete
  mkdir -p etc/upper etc/work
  export OWN_ETC=$PWD/etc
  exec unshare --mount --propagation private bash -c \
    "mount -t overlay -o 'lowerdir=/etc,upperdir=$OWN_ETC/upper,workdir=$OWN_ETC/work' etc /etc; $CASE"
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
until_true() { for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; tail ./*.log; exit 1; }
. "./$1"
EOF
  OUT=$(N=$N timeout 300 unshare --mount --net --pid --fork --kill-child --mount-proc bash start "$1" 2>&1 | tr -d '\r') ||
    fail "$1: $OUT"
}

# Stock clients of a Debian 13 tree (tests/peers), or by the command SKIFF_PEERS, with a private podman store: gone
# with the case.
peers_ready() {
  "${SKIFF_PEERS:-$SKIFF_TESTS/../peers}" true 2>/dev/null || skip "no peers: run tests/peers --setup"
  trap 'podman_gone' EXIT
}
peers() { ${BECOME:-} "${SKIFF_PEERS:-$SKIFF_TESTS/../peers}" "$@"; }
# Stock buildx. It leaves files of its own in the directory for temporary ones.
bx() {
  peers env TMPDIR="$PWD" DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$PWD/config" BUILDX_NO_DEFAULT_ATTESTATIONS=1 \
    docker buildx "$@"
}
# Docker's client of the years in which BuildKit was a part of it, and buildx was not: `old_docker`.
old_docker_ready() {
  for OLD_DOCKER in $(type -ap docker); do
    [[ $("$OLD_DOCKER" --version) =~ ^Docker\ version\ (18\.09|19|20|22)\. ]] && return
  done
  skip "no docker client of 18.09 to 22: install Debian 12's docker.io"
}
old_docker() { "$OLD_DOCKER" "$@"; }
# With locks of its own: of two that make the ones that all share one fails.
podman_here() {
  peers env PODMAN_IGNORE_CGROUPSV1_WARNING=1 sh -c 'mount -t tmpfs tmpfs /dev/shm && exec podman "$@"' podman \
    --root "$PWD/podman" --runroot "$PWD/podman-run" --runtime runc --cgroup-manager cgroupfs --events-backend none "$@"
}
podman_gone() {
  podman_here rm -af >/dev/null 2>&1 || true
  podman_here rmi -af >/dev/null 2>&1 || true
  find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
}

# with_user SCRIPT: runs it as root in mount, network and process namespaces of its own, in which
# there are the users ana (with subordinate ids) and ben (without), a network with one neighbour,
# 198.51.100.1, and copies of the programs in /mnt/bin. The host's files stay as they are, and
# nothing outlives it. Sets OUT. `ana COMMAND...` and `ben COMMAND...` run it as that user.
with_user() {
  for tool in newuidmap pasta setpriv nft; do
    command -v $tool >/dev/null || skip "no $tool: install uidmap, passt, util-linux and nftables"
  done
  mkdir -p host/bin host/ana host/ben
  cp "$SKIFF_BIN"/{skiff,skiffd,skiff-runtime,skiff-registry} host/bin
  cat >start <<'EOF_START'
. "$SKIFF_TESTS/lib.sh"
mount --bind host /mnt
uid_of() { [ "$1" = ana ] && echo 4321 || echo 4322; }
for file in passwd group subuid subgid; do cp "/etc/$file" "/mnt/$file"; mount --bind "/mnt/$file" "/etc/$file"; done
for user in ana ben; do
  echo "$user:x:$(uid_of $user):$(uid_of $user)::/mnt/$user:/bin/sh" >>/etc/passwd
  echo "$user:x:$(uid_of $user):" >>/etc/group
  mkdir -p /mnt/$user/run
  chmod 700 /mnt/$user/run
  chown -R "$(uid_of $user):$(uid_of $user)" /mnt/$user
done
echo ana:500000:65536 | tee /etc/subuid >/etc/subgid
[ -c /dev/net/tun ] || skip "no /dev/net/tun: modprobe tun"
mknod -m 666 /mnt/tun c 10 200
mount --bind /mnt/tun /dev/net/tun
as() {
  local user=$1
  shift
  ${BECOME:-} setpriv --reuid "$(uid_of "$user")" --regid "$(uid_of "$user")" --clear-groups --inh-caps=-all --bounding-set=-sys_resource \
    env -i HOME=/mnt/$user XDG_RUNTIME_DIR=/mnt/$user/run PATH="/mnt/bin:$PATH" DOCKER_HOST=unix:///mnt/ana/run/skiff.sock \
    DOCKER_BUILDKIT=0 DOCKER_CLI_HINTS=false DOCKER_CONFIG=/mnt/$user/.docker BASE_TAR=/mnt/base.tar IMAGE="$IMAGE" "$@"
}
ana() { as ana "$@"; }
ben() { as ben "$@"; }
ana_starts() {
  (BECOME=exec; ana setsid skiffd) >>/mnt/ana/log 2>&1 &
  DAEMON=$!
  for _ in $(seq 600); do
    ana docker version >/dev/null 2>&1 && return
    sleep 0.1
  done
  cat /mnt/ana/log
  fail "skiffd of an ordinary user does not answer"
}
ana_stops() {
  kill "$DAEMON"
  wait "$DAEMON" || true
}
cp "$BASE_TAR" /mnt/base.tar
chmod 644 /mnt/base.tar
ip link set lo up
unshare --net sleep 1000 &
neighbour=$!
eventually eval '[ "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$neighbour/ns/net)" ]'
in_neighbour() { nsenter --net --target $neighbour "$@"; }
ip link add uplink type veth peer name uplink netns $neighbour
ip addr add 198.51.100.2/24 dev uplink
ip link set uplink up
in_neighbour ip link set lo up
in_neighbour ip addr add 198.51.100.1/24 dev uplink
in_neighbour ip link set uplink up
ip route add default via 198.51.100.1
. "./$1"
EOF_START
  OUT=$(timeout -s KILL 590 unshare --mount --net --pid --fork --kill-child --mount-proc bash start "$1" 2>&1) ||
    { local code=$?; [ $code != 77 ] || skip "$(tail -1 <<<"$OUT" | sed 's/^skipped: //')"; fail "$1: $OUT"; }
}
