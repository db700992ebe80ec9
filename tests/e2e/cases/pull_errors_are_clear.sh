expect_exit 1 docker pull "$REGISTRY/no/such:image"
expect_contains "$OUT" "not found"
expect_exit 1 docker pull busyBox/Case
expect_contains "$OUT" "must be lowercase"
# The client refuses it itself; others leave it to the engine.
got=$(curl -s --unix-socket "${DOCKER_HOST#unix://}" -w '%{http_code}' -X POST \
  "http://x/images/create?fromImage=busyBox/Case&tag=1")
expect_contains "$got" "must be lowercase"
expect_contains "$got" 400
expect_exit 1 docker pull 127.0.0.1:1/x
expect_exit 125 docker run --rm "$REGISTRY/no/such" true
