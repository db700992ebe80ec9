id=$(docker run -d --name "$N" --label "case=$N" "$IMAGE" sleep 100)
expect_eq "$(docker ps -q --no-trunc --filter "label=case=$N")" "$id"
expect_contains "$(docker ps --filter "name=$N")" "sleep 100"
expect_contains "$(docker ps --filter "name=$N")" "Up "
docker stop -t 0 "$N"
expect_eq "$(docker ps -q --filter "name=$N")" ""
expect_contains "$(docker ps -a --filter "name=$N")" "Exited (137)"
expect_exit 1 docker ps --filter bogus=1
docker rm "$N"
