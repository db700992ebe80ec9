docker run -d --name "$N" "$IMAGE" sh -c 'for i in 1 2 3 4 5; do echo line$i; done; until [ -e /go ]; do sleep 0.1; done; echo last'
eventually sh -c "docker logs $N | grep -q line5"
expect_eq "$(docker logs --tail 2 "$N" | tr '\n' ' ')" "line4 line5 "
docker logs -f "$N" > follow &
reader=$!
docker exec "$N" touch /go || true  # the container's end may come before touch's own
wait $reader
expect_eq "$(wc -l < follow)" 6
expect_eq "$(tail -1 follow)" last
docker rm "$N"
