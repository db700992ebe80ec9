docker run -d --name "$N" "$IMAGE" sleep 100
expect_contains "$(docker top "$N")" "sleep 100"
expect_contains "$(docker stats --no-stream "$N")" "$N"
[ "$(docker stats --no-stream --format '{{.PIDs}}' "$N")" = 1 ] || fail "stats counts $(docker stats --no-stream --format '{{.PIDs}}' "$N") processes"
docker rm -f "$N"
