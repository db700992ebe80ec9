# A root on overlayfs, which takes no upper directories there: told at start, and by info of both clients.
OWN=$PWD/own
mkdir -p lower upper work "$OWN/root"
mount -t overlay overlay -o "lowerdir=lower,upperdir=upper,workdir=work" "$OWN/root"
export DOCKER_HOST=unix://$OWN/skiff.sock
trap 'stop_own_daemon; umount -l "$OWN/root"' EXIT
start_own_daemon
why="containers cannot run: overlayfs takes no upper directory in $OWN/root"
expect_contains "$(cat "$OWN/log")" "$why"
expect_contains "$(docker info 2>&1)" "WARNING: $why"
expect_contains "$("$SKIFF_BIN/skiff" -H "$DOCKER_HOST" info 2>&1)" "WARNING: $why"
