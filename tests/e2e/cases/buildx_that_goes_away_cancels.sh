# A client that is gone takes its build along: no process of it is left.
peers_ready
own_daemon
mkdir context
printf 'FROM %s\nRUN echo begun && sleep 1234.5\n' "$IMAGE" >context/Dockerfile
BECOME='exec setsid' bx build --progress plain "$PWD/context" >log 2>&1 &
client=$!
eventually grep -q begun log
eventually pgrep -f '^sleep 1234.5$'
kill -INT -- -$client
wait $client || true
gone() { ! pgrep -f '^sleep 1234.5$'; }
eventually gone
