docker run -d --name "$N" "$IMAGE" sh -c 'echo peer > /tmp/index.html; httpd -f -p 80 -h /tmp'
ip=$(inspect '{{.NetworkSettings.IPAddress}}' "$N")
eventually docker run --rm "$IMAGE" wget -qO- "http://$ip/"
expect_eq "$(docker run --rm "$IMAGE" wget -qO- "http://$ip/")" peer
docker rm -f "$N"
