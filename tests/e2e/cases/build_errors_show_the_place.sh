printf 'FROM %s\n\nRUNN echo\n' "$IMAGE" > Dockerfile
expect_exit 1 docker build .
expect_contains "$OUT" "RUNN"
expect_contains "$OUT" "3"
printf 'FROM %s\nCOPY nothere /x\n' "$IMAGE" > Dockerfile
expect_exit 1 docker build .
expect_contains "$OUT" "nothere"
printf 'FROM %s\nRUN exit 42\n' "$IMAGE" > Dockerfile
expect_exit 42 "$SKIFF_BIN/skiff" build .
expect_exit 42 docker build .
expect_contains "$OUT" "returned a non-zero code: 42"
# Silence lasts as long as all is well.
printf 'FROM %s\nRUN echo told; exit 42\n' "$IMAGE" > Dockerfile
expect_exit 42 docker build -q .
expect_exit 42 "$SKIFF_BIN/skiff" build -q .
expect_contains "$OUT" $'\ntold\n'
expect_contains "$OUT" "returned a non-zero code: 42"
expect_eq "$("$SKIFF_BIN/skiff" build -q . 2>/dev/null || true)" ""
printf 'FROM %s\nRUN echo told\n' "$IMAGE" > Dockerfile
expect_eq "$("$SKIFF_BIN/skiff" build -q . 2>&1 | tr -d 0-9a-f)" "sh:"
: > Dockerfile
expect_exit 1 docker build .
expect_exit 1 docker build -f missing .
printf 'FROM %s\nFROM\n' "$IMAGE" > Dockerfile
expect_exit 1 docker build .
