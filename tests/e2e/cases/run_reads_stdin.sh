expect_eq "$(printf 'one\ntwo\n' | docker run --rm -i "$IMAGE" wc -l | tr -d ' ')" 2
head -c 3000000 /dev/urandom > data
expect_eq "$(docker run --rm -i "$IMAGE" md5sum < data | cut -d' ' -f1)" "$(md5sum data | cut -d' ' -f1)"
