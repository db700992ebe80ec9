# A daemon that is told to end while builds are at work, of its own clients and of buildx: they end first, and
# nothing of their steps' networks is left.
peers_ready
own_daemon
mkdir context
printf 'FROM %s\nRUN echo begun && sleep 1234.6\n' "$IMAGE" >context/Dockerfile
printf 'FROM %s\nRUN echo begun too && sleep 1234.6\n' "$IMAGE" >context/classic
bx build --progress plain "$PWD/context" >log 2>&1 &
client=$!
docker build -f context/classic context >classic 2>&1 &
other=$!
eventually grep -q begun log
eventually eval '[ "$(pgrep -cf "^sleep 1234.6$")" = 2 ]'
kill "$OWN_PID"
wait "$OWN_PID"
! wait $client || fail "the build of buildx went on: $(cat log)"
! wait $other || fail "the build went on: $(cat classic)"
. "$SKIFF_TESTS/../../scripts/inventory.sh"
nothing_left() { [ -z "$(inventory "$OWN" "$OWN/root")" ]; }
eventually nothing_left
