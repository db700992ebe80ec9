got=$(docker run --rm -e A=1 -e B='two words' -w /tmp -u app -h box "$IMAGE" sh -c 'echo "$A|$B|$(pwd)|$(id -un)|$(hostname)"')
expect_eq "$got" "1|two words|/tmp|app|box"
expect_eq "$(docker run --rm -u 1234:99 "$IMAGE" id -u)" 1234
expect_eq "$(docker run --rm -u app:extra "$IMAGE" id -g)" 2000
expect_exit 125 docker run --rm -u nobody-here "$IMAGE" true
expect_contains "$OUT" "unable to find user nobody-here"
