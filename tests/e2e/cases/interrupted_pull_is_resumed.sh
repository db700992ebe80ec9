# A pull that is interrupted ends at once, on both sides, and goes on where it was.
head -c 20000000 /dev/urandom > big
printf 'FROM %s\nCOPY big /\n' "$IMAGE" > Dockerfile
docker build -q -t "$REGISTRY/$N" . >/dev/null
docker push -q "$REGISTRY/$N" >/dev/null
docker rmi "$REGISTRY/$N" >/dev/null
own_daemon

# Between engine and registry: 2 MB/s, as many bytes counted as come from the registry.
cat > slow.py <<'PY'
import asyncio, os, sys, time
target, counter = sys.argv[1].split(":"), sys.argv[2]
total = open_now = 0
def tell(name, text): # readers find the one or the other, whole
    open(name + ".new", "w").write(f"{text}\n")
    os.rename(name + ".new", name)
async def carry(reader, writer, slow):
    global total
    try:
        while data := await reader.read(40000):
            if slow:
                total += len(data)
                tell(counter, total)
                await asyncio.sleep(len(data) / 2e6)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()
def count_open(change):
    global open_now
    open_now += change
    tell(counter + ".changed", f"{time.time():.3f}")
    tell(counter + ".open", open_now)
async def serve(reader, writer):
    count_open(1)
    to = await asyncio.open_connection(*target)
    await asyncio.gather(carry(reader, to[1], False), carry(to[0], writer, True))
    count_open(-1)
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    tell("port", server.sockets[0].getsockname()[1])
    await server.serve_forever()
asyncio.run(main())
PY
python3 slow.py "$REGISTRY" bytes & proxy=$!
trap 'kill $proxy; stop_own_daemon' EXIT
eventually test -s port
slow=127.0.0.1:$(cat port)

came() { [ "$(cat bytes 2>/dev/null || echo 0)" -gt "$1" ]; }
docker pull "$slow/$N" > pull.log 2>&1 & pull=$!
eventually came 5000000
at=$(cat bytes)
interrupted=$(date +%s.%N)
kill -INT $pull
wait $pull && fail "an interrupted pull succeeded"
client_ended=$(date +%s.%N)
nothing_open() { [ "$(cat bytes.open)" = 0 ]; }
eventually nothing_open
awk -v at="$interrupted" -v client="$client_ended" -v daemon="$(cat bytes.changed)" 'BEGIN {
  printf "measured: the client ended %d ms after the interruption, the daemon %d ms\n", 1000 * (client - at), 1000 * (daemon - at) }'
before=$(cat bytes)
# Half of the rest at most: what it takes the client to end on a busy machine, and buffers.
[ "$before" -lt $((at + 8000000)) ] || fail "it went on after the interruption: $before bytes, at $at before"
sleep 1
expect_eq "$(cat bytes)" "$before" "bytes still come"

# What it has left is in nobody's image, and told.
skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
expect_contains "$(skiff system df | tr -s ' ')" "Interrupted Pulls - - "

docker pull "$slow/$N" >/dev/null
expect_not_contains "$(skiff system df)" "Interrupted"
[ "$(cat bytes)" -lt 23000000 ] || fail "it started again: $(cat bytes) bytes of 20000000"
docker run --rm "$slow/$N" cat /big | cmp - big
