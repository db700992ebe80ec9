status=$(docker run --rm "$IMAGE" cat /proc/self/status)
expect_contains "$status" "CapEff:	00000000a80425fb"
expect_contains "$status" "CapInh:	0000000000000000"
expect_contains "$status" "Seccomp:	2"
expect_contains "$(docker run --rm --cap-drop ALL "$IMAGE" cat /proc/self/status)" "CapEff:	0000000000000000"
expect_contains "$(docker run --rm --cap-drop ALL --cap-add CHOWN "$IMAGE" cat /proc/self/status)" "CapEff:	0000000000000001"
expect_contains "$(docker run --rm --security-opt no-new-privileges "$IMAGE" cat /proc/self/status)" "NoNewPrivs:	1"
expect_eq "$(docker run --rm "$IMAGE" sh -c 'ls /proc/self/fd | sort -n | tr "\n" " "')" "0 1 2 3 "
