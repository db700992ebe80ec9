# Sourced: what Skiff holds of the host.

# instance_of ROOT: the word that skiffd names its cgroups, interfaces and tables by.
instance_of() { printf '%s' "$1" | sha256sum | cut -c1-8; }

# processes_of DIRECTORY: those that were started with it, or hold a file below it.
processes_of() {
  local directory=$1 process pid
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] || continue
    case "$(cat "$process/comm" 2>/dev/null)" in skiff*) ;; *) continue ;; esac
    if { tr '\0' '\n' <"$process/cmdline"; } 2>/dev/null | grep -F "$directory" >/dev/null \
      || find "$process/fd" "$process/cwd" "$process/root" -lname "$directory/*" 2>/dev/null | grep . >/dev/null; then
      echo "process $pid $(cat "$process/comm" 2>/dev/null)"
    fi
  done
}

# inventory DIRECTORY ROOT...: what a private Skiff holds, empty once all is gone: processes and
# mounts below DIRECTORY; cgroups, interfaces and nft tables of the instances whose --root is one
# of ROOT.
inventory() {
  local directory=$1 root instance
  shift
  processes_of "$directory"
  awk -v below="$directory/" 'index($5, below) == 1 { print "mount", $5 }' /proc/self/mountinfo
  for root in "$@"; do
    instance=$(instance_of "$root")
    find /sys/fs/cgroup -maxdepth 4 -type d -name "skiff-$instance" 2>/dev/null | sed 's/^/cgroup /'
    ip -o link | grep -F "skiff $instance" | sed 's/^/interface /'
    nft list tables 2>/dev/null | grep -F "$instance" || true
  done
}

# everything: what any Skiff and its tests hold, each on a line.
everything() {
  { find /sys/fs/cgroup -maxdepth 3 -type d -name 'skiff*' 2>/dev/null | sed 's/^/cgroup /'
    awk '$5 ~ "^/tmp/skiff" { print "mount", $5 }' /proc/self/mountinfo
    ip -o link | sed -n 's/^[0-9]*: \([^:@]*\).*alias \(skiff .*\)/interface \1 \2/p'
    nft list tables 2>/dev/null | grep -F skiff_ || true
    # A process that only waits for its end to be asked for holds nothing.
    ps -eo stat=,pid=,comm= | awk '$3 ~ /^skiff/ && $1 !~ /^Z/ { print "process", $2, $3 }'
    find /tmp -maxdepth 1 -name 'skiff-*' | sed 's/^/file /'; } | sort
}
