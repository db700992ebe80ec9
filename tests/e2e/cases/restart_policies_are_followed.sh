docker run -d --name "$N" --restart on-failure:2 "$IMAGE" sh -c 'echo again; exit 3'
eventually sh -c "[ \"\$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' $N)\" = '2 exited' ]"
expect_eq "$(docker logs "$N" | grep -c again)" 3
docker rm "$N"
docker run -d --name "$N" --restart always "$IMAGE" sh -c 'echo up; sleep 100'
pid=$(inspect '{{.State.Pid}}' "$N")
kill -9 "$pid"
eventually sh -c "[ \"\$(docker inspect -f '{{.State.Running}} {{.RestartCount}}' $N)\" = 'true 1' ]"
# Stopped by hand it stays down.
docker stop -t 0 "$N"
expect_eq "$(inspect '{{.State.Status}}' "$N")" exited
docker rm "$N"
expect_exit 125 docker run --rm --restart always "$IMAGE" true
expect_exit 1 docker create --restart never "$IMAGE" true
expect_contains "$OUT" "invalid restart policy"
