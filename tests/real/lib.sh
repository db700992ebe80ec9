# Building and checking tests/real: sourced behind tests/e2e/lib.sh, with DOCKER_HOST, N and SKIFF_BIN.
#   real_build NAME BASE   builds tests/real/NAME with skiff, and does what its `check` says, in which
#                          I is the image and `run` runs it
# A project's `arguments` are more flags of its build; "@" in them is its directory.
REAL=${BASH_SOURCE[0]%/*}
run() { docker run --rm "$@"; }
real_build() {
  local I="$N-$1" arguments=()
  [ ! -e "$REAL/$1/arguments" ] || read -ra arguments < <(sed "s,@,$REAL/$1,g" "$REAL/$1/arguments")
  "$SKIFF_BIN/skiff" build -q -t "$I" --build-arg BASE="$2" --build-arg DEBIAN="$2" "${arguments[@]}" "$REAL/$1" >/dev/null \
    || fail "$1 is not built"
  . "$REAL/$1/check"
  docker rmi -f "$I" >/dev/null
}
