docker run -d --name "$N" "$IMAGE" sh -c 'echo early; until [ -e /go ]; do sleep 0.05; done; echo late; echo wrong >&2; sleep 100'
eventually sh -c "docker logs $N | grep -q early"
middle=$(date +%s.%N)
docker exec "$N" touch /go
# The two streams may arrive in either order.
eventually sh -c "[ \$(docker logs $N 2>&1 | wc -l) = 3 ]"
expect_eq "$(docker logs --since "$middle" "$N" 2>/dev/null)" late
expect_eq "$(docker logs --until "$middle" "$N" 2>&1)" early
expect_eq "$(docker logs --since 10m --tail 2 "$N" 2>&1 | sort | xargs)" "late wrong"
line=$(docker logs -t --since "$middle" "$N" 2>/dev/null)
[[ $line =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z\ late$ ]] || fail "no time before the line: $line"
docker rm -f "$N"
