docker system events --filter "container=$N" --filter type=container --format '{{.Action}} {{index .Actor.Attributes "name"}}' > got &
reader=$!
eventually sh -c "docker rename no-such-$N x 2>&1 | grep -q 'No such'"
docker create --name "$N" "$IMAGE" sleep 100
docker start "$N"
docker pause "$N"
docker unpause "$N"
docker exec "$N" true
docker kill "$N"
eventually grep -q die got
docker rm "$N"
eventually grep -q destroy got
kill $reader
wait $reader || true
for action in create start pause unpause exec_start exec_die kill die destroy; do
  grep -q "^$action.* $N\$" got || fail "no $action in: $(cat got)"
done
