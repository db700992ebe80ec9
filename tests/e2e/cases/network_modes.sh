expect_contains "$(docker network ls)" bridge
expect_eq "$(docker run --rm --network none "$IMAGE" ls /sys/class/net | tr '\n' ' ')" "lo "
expect_eq "$(docker run --rm --network host "$IMAGE" ls /sys/class/net | grep -v ^sk | sort | tr '\n' ' ')" "$(ls /sys/class/net | grep -v ^sk | sort | tr '\n' ' ')"
expect_eq "$(docker run --rm "$IMAGE" ls /sys/class/net | tr '\n' ' ')" "eth0 lo "
ifname=com.docker.network.endpoint.ifname
expect_eq "$(docker run --rm --network "name=bridge,driver-opt=$ifname=up0" "$IMAGE" ls /sys/class/net | tr '\n' ' ')" "lo up0 "
expect_eq "$("$SKIFF_BIN/skiff" run --rm --network "name=bridge,driver-opt=$ifname=up0" "$IMAGE" ls /sys/class/net | tr '\n' ' ')" "lo up0 "
docker run -d --name "$N" --network "name=bridge,driver-opt=$ifname=up0" "$IMAGE" sleep 100 >/dev/null
expect_eq "$(docker inspect -f "{{index .NetworkSettings.Networks.bridge.DriverOpts \"$ifname\"}}" "$N")" up0
docker restart -t 0 "$N" >/dev/null
expect_eq "$(docker exec "$N" ls /sys/class/net | tr '\n' ' ')" "lo up0 "
docker rm -f "$N" >/dev/null
for bad in "" sixteen-bytes-xx a/b "a b" lo; do
  expect_contains "$(docker run --rm --network "name=bridge,driver-opt=$ifname=$bad" "$IMAGE" true 2>&1)" "invalid interface name \"$bad\""
done
expect_contains "$(docker run --rm --network name=bridge,driver-opt=com.docker.network.endpoint.sysctls=x "$IMAGE" true 2>&1)" "is not supported"
expect_contains "$(docker run --rm -h box "$IMAGE" cat /etc/hosts)" box
expect_contains "$(docker run --rm "$IMAGE" cat /etc/resolv.conf)" nameserver
expect_exit 125 docker run --rm --network no-such-net "$IMAGE" true
