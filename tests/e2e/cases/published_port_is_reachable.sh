docker run -d --name "$N" -p 127.0.0.1:0:8000 -p 0:8000/udp "$IMAGE" sh -c 'echo page > /tmp/index.html; httpd -f -p 8000 -h /tmp'
address=$(docker port "$N" 8000/tcp | head -1)
eventually curl -fs "http://$address/"
expect_eq "$(curl -fs "http://$address/")" page
expect_contains "$(docker ps --filter "name=$N")" "$address->8000/tcp"
expect_exit 125 docker run --rm -p "$address:80" "$IMAGE" true
expect_contains "$OUT" "port is already allocated"
docker rm -f "$N"
expect_exit 7 curl -s "http://$address/"
