# What the client cases share, beside tests/e2e/lib.sh.
#   REGISTRY   host:port of what is judged: with `own_registry` one of the case's own
#   HOME       the clients' home, below the case's directory
# `skopeo`, `oras`, `cosign` … are the programs of tests/peers, run in the case's directory.

peers() {
  "$SKIFF_TESTS/../peers" env -C "$PWD" HOME="$PWD/home" DOCKER_CONFIG="$PWD/home/.docker" DOCKER_HOST="unix://$PWD/docker.sock" \
    REGISTRY_AUTH_FILE="$PWD/home/auth.json" \
    COSIGN_PASSWORD=secret SSL_CERT_FILE="$PWD/ca.pem" PODMAN_IGNORE_CGROUPSV1_WARNING=1 "$@"
}
for program in skopeo oras cosign umoci crane ctr docker; do
  eval "$program() { peers $program \"\$@\"; }"
done
podman() { podman_here "$@"; }
buildah() { peers buildah --root "$PWD/podman" --runroot "$PWD/podman-run" --storage-driver vfs "$@"; }

# offline sign|attest: cosign's flags for no transparency log and a signature beside the image as its version 2 puts it; a
# flag that is given again counts as it was given last.
offline() {
  echo --tlog-upload=false
  if peers cosign "$1" --help | has -- --use-signing-config; then echo --use-signing-config=false --new-bundle-format=false; fi
}

# needs PROGRAM...: leaves the case out where a client is not there.
needs() {
  peers true 2>/dev/null || skip "no peers: run tests/peers --setup"
  local program
  for program; do peers which "$program" >/dev/null || skip "no $program in the tree of tests/peers"; done
}

use_registry() {
  REGISTRY=$1
  printf '[[registry]]\nlocation = "%s"\ninsecure = %s\n' "$REGISTRY" "${2:-true}" >home/.config/containers/registries.conf
}

# own_registry [tls] [login]: what is judged, once more, for this case alone: with a certificate of ca.pem;
# with the user ana, whose password is secret-1. Its files are below OWN_REGISTRY. It ends with the case.
own_registry() {
  local word scheme=http tls= login= log
  OWN_REGISTRY=$(mktemp -d "$PWD/registry.XXXX")
  log=$OWN_REGISTRY.log
  for word; do
    case $word in tls) tls=yes scheme=https ;; login) login=yes ;; esac
  done
  if [ -n "$tls" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=localhost \
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
    mkdir -p certs
    cp ca.pem certs/ca.crt
  fi
  # A hash of "secret-1" that both read.
  echo 'ana:$2y$05$UHBLgTXrmJ7fvXvBEmGQFOAHVshWBafJjZWvRvRHuFJSRymwBomJW' >users
  own_registry_process "$tls" "$login" "$OWN_REGISTRY" >"$log" 2>&1 &
  BACKGROUND+=($!)
  eventually grep -qE '127\.0\.0\.1:[0-9]+' "$log"
  use_registry "$(grep -oE '127\.0\.0\.1:[0-9]+' "$log" | head -1)" "$([ -n "$tls" ] && echo false || echo true)"
  eventually curl -s --cacert ca.pem "$scheme://$REGISTRY/v2/"
}
own_registry_process() {
  local flags=()
  if [ "$JUDGED" = docker-registry ]; then docker_registry "$@"; fi
  if [ "$JUDGED" = skiffd ]; then
    [ -z "$1" ] || flags+=(--registry-tls-cert ca.pem --registry-tls-key ca.key)
    [ -z "$2" ] || flags+=(--registry-htpasswd users)
    exec "$SKIFF_BIN/skiffd" --root "$3" --run-dir "$3-run" --socket "$3.sock" --registry 127.0.0.1:0 "${flags[@]}"
  fi
  [ -z "$1" ] || flags+=(--tls-cert ca.pem --tls-key ca.key)
  [ -z "$2" ] || flags+=(--htpasswd users)
  exec "$SKIFF_BIN/skiff-registry" serve --root "$3" --listen 127.0.0.1:0 "${flags[@]}" "${REGISTRY_FLAGS[@]}"
}
docker_registry() {
  local words=(REGISTRY_HTTP_ADDR=127.0.0.1:0 REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$3" REGISTRY_STORAGE_DELETE_ENABLED=true
    OTEL_TRACES_EXPORTER=none)
  [ -z "$1" ] || words+=(REGISTRY_HTTP_TLS_CERTIFICATE="$PWD/ca.pem" REGISTRY_HTTP_TLS_KEY="$PWD/ca.key")
  [ -z "$2" ] || words+=(REGISTRY_AUTH=htpasswd REGISTRY_AUTH_HTPASSWD_REALM=here REGISTRY_AUTH_HTPASSWD_PATH="$PWD/users")
  printf 'version: 0.1\nstorage: {filesystem: {}}\nhttp: {}\n' >registry.yml
  exec "$SKIFF_TESTS/../peers" env "${words[@]}" docker-registry serve "$PWD/registry.yml"
}

# upstream_registry: Debian's docker-registry at UPSTREAM, for a registry of the case's own to fetch from. It has the
# image of push_sample as UPSTREAM/library/$N:1.
upstream_registry() {
  [ "$JUDGED" = skiff-registry ] || skip "$JUDGED keeps no images of others"
  needs docker-registry
  docker_registry "" "" "$PWD/upstream" >upstream.log 2>&1 &
  BACKGROUND+=($!)
  UPSTREAM_PID=$!
  eventually grep -qE '127\.0\.0\.1:[0-9]+' upstream.log
  UPSTREAM=$(grep -oE '127\.0\.0\.1:[0-9]+' upstream.log | head -1)
  [ -d sample ] || layout sample
  skopeo copy -q --all --dest-tls-verify=false oci:sample:multi "docker://$UPSTREAM/library/$N:1"
}
# How often the upstream was asked: METHOD PATTERN-OF-THE-PATH.
# Its log has a request when its answer is sent: `eventually upstream_was_asked N METHOD PATTERN`.
upstream_asked() { grep -cE "\"$1 [^ ]*$2[^ ]* HTTP" upstream.log || true; }
upstream_was_asked() { [ "$(upstream_asked "$2" "$3")" -ge "$1" ]; }

# with_dockerd SCRIPT [tls] [login]: Debian's dockerd and a registry of its own, and the script beside them, in
# mount, network and process namespaces of their own, for dockerd removes a bridge that it is to do without.
# Sets OUT. Where there is a file `before`, it comes first, and its engine_flags are dockerd's, too.
with_dockerd() {
  cp "$BASE_TAR" base.tar
  cat >start <<'EOF'
ip link set lo up
. "$SKIFF_TESTS/lib.sh"
. "$SKIFF_CASES/lib.sh"
[ ! -e before ] || . ./before
own_registry "${@:2}"
[ ! -e ca.pem ] || { mkdir -p "docker-etc/$REGISTRY"; cp ca.pem "docker-etc/$REGISTRY/ca.crt"; }
engine() {
  [ ! -e before ] || DOCKERD_FLAGS=$(engine_flags)
  exec "$SKIFF_TESTS/../peers" sh -c 'mkdir -p /etc/docker; mount -t tmpfs tmpfs /etc/docker; [ ! -d "$1" ] || cp -r "$1" /etc/docker/certs.d
    exec dockerd --data-root "$2/docker" --exec-root /run/docker --pidfile /run/docker.pid -H "unix://$2/docker.sock" \
      --bridge none --iptables=false --ip6tables=false --storage-driver vfs $3' sh "$PWD/docker-etc" "$PWD" "${DOCKERD_FLAGS:-}"
}
engine >dockerd.log 2>&1 &
BACKGROUND+=($!)
eventually docker version
. "./$1"
EOF
  OUT=$(timeout 300 unshare --mount --net --pid --fork --kill-child --mount-proc bash start "$@" 2>&1) ||
    fail "$OUT $(tail -5 dockerd.log)"
}

# with_peers_containerd: the containerd of the tree, which `c` asks.
with_peers_containerd() {
  cat >containerd.toml <<EOF
version = 2
root = "$PWD/containerd/root"
state = "$PWD/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$PWD/containerd.sock"
EOF
  "$SKIFF_TESTS/../peers" containerd -c "$PWD/containerd.toml" >containerd.log 2>&1 &
  BACKGROUND+=($!)
  eventually c version
}
c() { ctr -a "$PWD/containerd.sock" "$@"; }

# layout DIRECTORY [SEED]: an OCI layout with an image for two platforms, tagged multi.
layout() { python3 "$SKIFF_CASES/layout.py" "$1" "${2:-$N}"; }

# push_sample [TAG]: the layout `sample`, pushed as $REGISTRY/$N:TAG (1).
push_sample() {
  [ -d sample ] || layout sample
  skopeo copy -q --all oci:sample:multi "docker://$REGISTRY/$N:${1:-1}"
}

# digest_of REFERENCE: that of the manifest itself, as its bytes say. raw REFERENCE: the manifest.
raw() { skopeo inspect --raw "docker://$1"; }
digest_of() { echo "sha256:$(raw "$1" | sha256sum | cut -d' ' -f1)"; }
sample_digest() { jq -r '.manifests[0].digest' sample/index.json; }

# api METHOD PATH [CURL ARGUMENTS]: the status of a request to the registry; its body is in `answer`.
api() {
  local method=$1 path=$2
  shift 2
  [ "$method" != HEAD ] || set -- --head "$@"
  curl -s -X "$method" -o answer -w '%{http_code}' "$@" "http://$REGISTRY/v2/$path"
}

# accounts: the registry of own_registry gets the users ana, who owns org, ben, who may pull from it, and cora, who
# was granted nothing (password of all: secret-1); org/open is public. Only ours has accounts.
accounts() {
  local root=$OWN_REGISTRY name
  [ "$JUDGED" = skiff-registry ] || skip "$JUDGED has no accounts"
  for name in ana ben cora; do
    echo secret-1 | "$SKIFF_BIN/skiff-registry" user add $name --password-stdin --root "$root" 2>/dev/null
  done
  "$SKIFF_BIN/skiff-registry" grant own org ana --root "$root"
  "$SKIFF_BIN/skiff-registry" grant pull org ben --root "$root"
  "$SKIFF_BIN/skiff-registry" repo set org/open --visibility public --root "$root"
}

# who_may_what: role × action × visibility by the client of the case, which says how: `enter NAME`, `leave`,
# `push REFERENCE`, `pull REFERENCE`.
who_may_what() {
  local who repository pulls pushes
  while read -r who repository pushes pulls; do
    [ "$who" = nobody ] || enter "$who" >/dev/null 2>&1 || fail "$who cannot log in"
    may "$pushes" push "$REGISTRY/$repository:1" || fail "$who, $repository: push should be: $pushes: $(cat said)"
    may "$pulls" pull "$REGISTRY/$repository:1" || fail "$who, $repository: pull should be: $pulls: $(cat said)"
    [ "$who" = nobody ] || leave >/dev/null 2>&1
  done <<'END'
ana org/own yes yes
ana org/open yes yes
ana other/own no no
ben org/own no yes
ben org/open no yes
cora org/own no no
cora org/open no yes
nobody org/own no no
nobody org/open no yes
END
}
may() {
  if "$2" "$3" >said 2>&1 </dev/null; then [ "$1" = yes ]; else [ "$1" = no ]; fi
}

BACKGROUND=()
REGISTRY_FLAGS=()  # of own_registry
at_end() {
  local pid
  [ ! -d podman ] || podman_gone
  for pid in "${BACKGROUND[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
}
trap at_end EXIT
mkdir -p home/.docker home/.config/containers
echo "{}" >home/auth.json
if [ "$JUDGED" != skiff-registry ]; then own_registry; else use_registry "$REGISTRY"; fi
