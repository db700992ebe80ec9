expect_eq "$(docker run --rm --entrypoint /bin/echo "$IMAGE" a b)" "a b"
