net=10.231.$((RANDOM % 250)) # other runs work beside this one
id=$(docker network create --subnet $net.0/24 --gateway $net.1 --label "case=$N" "$N")
expect_eq "$(docker network ls -q --no-trunc --filter "label=case=$N")" "$id"
expect_contains "$(docker network ls --filter "name=$N")" "bridge    local"
expect_eq "$(docker network inspect -f '{{.Driver}} {{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config 0).Gateway}} {{.Internal}}' "$N")" \
  "bridge $net.0/24 $net.1 false"
expect_exit 1 docker network create "$N"
expect_contains "$OUT" "network with name $N already exists"
docker run -d --name "$N" --network "$N" "$IMAGE" sh -c 'echo page > /tmp/index.html; httpd -f -p 80 -h /tmp'
ip=$(inspect '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$N")
expect_contains "$ip" $net.
eventually docker run --rm --network "$N" "$IMAGE" wget -qO- "http://$ip/"
expect_eq "$(docker run --rm --network "$N" "$IMAGE" wget -qO- "http://$ip/")" page
expect_eq "$(docker run --rm --network "$N" --ip $net.99 "$IMAGE" sh -c 'ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4')" $net.99/24
expect_eq "$(docker network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' "$N")" "$N $ip/24"
# Two networks do not reach each other.
! docker run --rm --init "$IMAGE" timeout 2 wget -qO- "http://$ip/" || fail "a container of another network reaches it"
expect_exit 1 docker network rm "$N"
expect_contains "$OUT" "has active endpoints"
for word in connect disconnect; do
  expect_exit 1 docker network $word bridge "$N"
  expect_contains "$OUT" "not served"
done
docker rm -f "$N"
expect_eq "$(docker network rm "$N")" "$N"
expect_exit 1 docker network inspect "$N"
expect_contains "$OUT" "not found"
expect_exit 1 docker network rm bridge
expect_contains "$OUT" "pre-defined"
