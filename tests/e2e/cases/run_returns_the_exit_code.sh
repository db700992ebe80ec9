expect_exit 7 docker run --rm "$IMAGE" sh -c 'exit 7'
expect_exit 127 docker run --rm "$IMAGE" no-such-program
expect_contains "$OUT" "executable file not found"
expect_exit 126 docker run --rm "$IMAGE" /etc/passwd
expect_exit 125 docker run --rm --no-such-flag "$IMAGE" true
expect_exit 137 docker run --rm --init "$IMAGE" sh -c 'kill -9 $$'
for client in docker "$SKIFF_BIN/skiff"; do
  expect_exit 127 "$client" -H "$DOCKER_HOST" run --rm --device /nope "$IMAGE" true
  expect_exit 64 "$client" -H "$DOCKER_HOST" inspect --format '{{' "$IMAGE"
done
