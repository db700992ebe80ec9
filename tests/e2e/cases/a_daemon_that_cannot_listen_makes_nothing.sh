# The socket is looked at before the directories are made.
mkdir there
refused() { # refused SOCKET MESSAGE
  expect_exit 1 timeout 60 "$SKIFF_BIN/skiffd" --root "$PWD/there/root" --run-dir "$PWD/there/run" --socket "$1"
  expect_contains "$OUT" "$2"
  expect_eq "$(ls there)" "" "something was made for $1"
}
refused "$PWD/nope/s" "bind $PWD/nope/s: No such file or directory"
refused "${DOCKER_HOST#unix://}" "another process serves it"
echo precious >file
refused "$PWD/file" "listen on $PWD/file: a file is there"
expect_eq "$(cat file)" precious

# A socket in a directory that is made with the daemon's own is fine.
OWN=$PWD/there
own_skiffd() { setsid "$SKIFF_BIN/skiffd" --root "$OWN/a/root" --run-dir "$OWN/a/run" --socket "$OWN/a/run/s" >log 2>&1 & }
own_skiffd
trap 'kill $!; wait $! || true' EXIT
export DOCKER_HOST=unix://$OWN/a/run/s
eventually docker version || { cat log; fail "it does not answer"; }
# Of a second daemon its directory is told, not the socket.
expect_exit 1 timeout 60 "$SKIFF_BIN/skiffd" --root "$OWN/a/root" --run-dir "$OWN/a/run" --socket "$OWN/a/run/s"
expect_contains "$OUT" "another skiffd already serves $OWN/a/root"
