# Shared by the scripts: narration, timing, checks of the system. Sourced, not run.
set -euo pipefail
SKIFF_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$SKIFF_SOURCE"
export CCACHE_BASEDIR=$SKIFF_SOURCE CCACHE_NOHASHDIR=1 CCACHE_DIR=${CCACHE_DIR:-$HOME/.cache/ccache}
export CCACHE_SLOPPINESS=pch_defines,time_macros # for precompiled headers
export PATH=$PATH:/usr/sbin:/sbin DEBIAN_FRONTEND=noninteractive

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# timed TEXT COMMAND...: runs it and says how long it took.
timed() {
  local text=$1 start=$SECONDS
  shift
  say "$text"
  "$@"
  say "$text: done in $((SECONDS - start)) s"
}

check_system() {
  [ "$(uname -s)" = Linux ] || die "Skiff needs Linux; this is $(uname -s)."
  [ "$(id -u)" = 0 ] || die "run this as root (for example: sudo $0): containers need it, and packages are installed."
  command -v apt-get >/dev/null || die "the scripts install Debian packages and there is no apt-get here; use Debian 12 or newer."
}

# The kernel must give what a container is made of. Names what is missing and what to do.
check_kernel() {
  local ns missing=0
  for ns in mnt pid net uts ipc; do
    [ -e /proc/self/ns/$ns ] || { echo "missing kernel feature: $ns namespaces (CONFIG_NAMESPACES); boot a stock Debian kernel" >&2; missing=1; }
  done
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || { echo "missing kernel feature: overlayfs (CONFIG_OVERLAY_FS); try: modprobe overlay" >&2; missing=1; }
  grep -qE 'cgroup2?' /proc/filesystems || { echo "missing kernel feature: cgroups (CONFIG_CGROUPS); boot a stock Debian kernel" >&2; missing=1; }
  [ $missing = 0 ] || exit 1
}

# install_packages PACKAGE...: installs those that are missing, without starting any service.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  local policy=/usr/sbin/policy-rc.d made=no
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' > $policy; chmod +x $policy; made=yes; fi
  local log status=0
  log=$(mktemp)
  { apt-get update -q && apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null || status=$?
  [ $made = no ] || rm -f $policy
  [ $status = 0 ] || { tail -20 "$log" >&2; rm -f "$log"; die "apt-get could not install: ${missing[*]}"; }
  rm -f "$log"
}

# The words of FILE, without comments.
package_list() { sed 's/#.*//' "$SKIFF_SOURCE/scripts/packages/$1"; }
