expect_contains "$(docker network ls)" bridge
expect_eq "$(docker run --rm --network none "$IMAGE" ls /sys/class/net | tr '\n' ' ')" "lo "
expect_eq "$(docker run --rm --network host "$IMAGE" ls /sys/class/net | grep -v ^sk | sort | tr '\n' ' ')" "$(ls /sys/class/net | grep -v ^sk | sort | tr '\n' ' ')"
expect_eq "$(docker run --rm "$IMAGE" ls /sys/class/net | tr '\n' ' ')" "eth0 lo "
expect_contains "$(docker run --rm -h box "$IMAGE" cat /etc/hosts)" box
expect_contains "$(docker run --rm "$IMAGE" cat /etc/resolv.conf)" nameserver
expect_exit 125 docker run --rm --network no-such-net "$IMAGE" true
