docker system events --filter "container=$N" --filter "container=$N-before" --filter type=container \
  --format '{{.Action}} {{index .Actor.Attributes "name"}}' > got &
reader=$!
# It listens once it tells of one that came and went.
listens() { docker create --name "$N-before" "$IMAGE" true && docker rm "$N-before" && grep "destroy $N-before\$" got; }
eventually listens
docker create --name "$N" "$IMAGE" sleep 100
docker start "$N"
docker pause "$N"
docker unpause "$N"
docker exec "$N" true
docker kill "$N"
eventually grep -q "^die $N\$" got
docker rm "$N"
for action in create start pause unpause exec_start exec_die kill die destroy; do
  (eventually grep -q "^$action.* $N\$" got) || fail "no $action in: $(cat got)"
done
kill $reader
wait $reader || true
