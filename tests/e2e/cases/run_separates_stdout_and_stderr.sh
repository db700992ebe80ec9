docker run --rm "$IMAGE" sh -c 'echo out; echo err >&2' >o 2>e
expect_eq "$(cat o)" out
expect_eq "$(cat e)" err
