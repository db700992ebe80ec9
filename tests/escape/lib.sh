# What the escape cases share, beside tests/e2e/lib.sh.
#   SENTINEL  a directory of the host that no container may reach, with SECRET in $SENTINEL/secret
#   PROBE     the static attack program (probe/)
#   ROUNDS    how often a race is run

SENTINEL=$PWD/sentinel
SECRET=sentinel-$(od -An -tx8 -N8 /dev/urandom | tr -d ' ')
mkdir -p "$SENTINEL"/{directory/inner,empty}
echo "$SECRET" >"$SENTINEL/secret"
echo "$SECRET" >"$SENTINEL/directory/inner/file"
cp /bin/true "$SENTINEL/program"
chmod 0600 "$SENTINEL/secret"
chmod 0750 "$SENTINEL/directory"
ln -s secret "$SENTINEL/link"

# All of the host that a case must leave as it was: the tree, our programs, the kernel's settings that
# run programs.
host_state() {
  # Whatever is written or changed, the change time tells; nobody sets that.
  find "$SENTINEL" "$SKIFF_BIN"/skiff* -printf '%p %y %i %m %U:%G %n %s %T@ %C@ %l\n' | sort
  grep -s '' /proc/sys/kernel/{core_pattern,modprobe,hostname} /sys/fs/cgroup/{,*/}release_agent || true
  stat -c '%n %t:%T %a %U' /dev/null /dev/zero /dev/console
  ls -A /
}
host_state >host-before

# unharmed WHAT: the host is as it was.
unharmed() {
  host_state >host-after
  diff host-before host-after >changes || fail "the host is another than before $1: $(head -20 changes)"
}
after_case() { unharmed "this case"; }

# expect_no_secret COMMAND...: it may fail or not, and must not tell what stands in the sentinel. The
# beginning of its output is in $OUT.
expect_no_secret() {
  "$@" >told 2>&1 || true
  OUT=$(head -c 4096 told | tr -d '\0')
  ! grep -qaF "$SECRET" told || fail "it tells the host's secret: $*: $OUT"
}

# harmless COMMAND...: it may fail or not, in any way but a crash of the daemon.
harmless() {
  "$@" >harmless.log 2>&1 || true
  skiff version >/dev/null || fail "the daemon is gone after: $*"
}

# image NAME DIRECTORY [CHANGE...]: an image of the directory's files over a busybox's.
image() {
  local name=$1 files=$2 change flags=()
  shift 2
  for change in "$@"; do flags+=(--change "$change"); done
  cp "$BASE_TAR" image.tar
  tar -C "$files" --owner=0 --group=0 --numeric-owner -rf image.tar .
  docker import "${flags[@]}" image.tar "$name" >/dev/null
}

# with_probe NAME: an image that holds the attack program as /probe.
with_probe() {
  mkdir -p probed
  cp "$PROBE" probed/probe
  image "$1" probed
}

# For the many short calls of a race.
skiff() { "$SKIFF_BIN/skiff" "$@"; }
