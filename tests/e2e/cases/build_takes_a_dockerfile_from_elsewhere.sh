# The client puts such a Dockerfile behind the context, and ends the archive without its padding.
mkdir ctx elsewhere
echo hello > ctx/a
printf 'FROM %s\nCOPY a /a\nCMD ["cat","/a"]\n' "$IMAGE" > elsewhere/Dockerfile
docker build -t "$N" -f elsewhere/Dockerfile ctx >/dev/null
expect_eq "$(docker run --rm "$N")" hello
docker build -t "$N" -f - ctx < elsewhere/Dockerfile >/dev/null
expect_eq "$(docker run --rm "$N")" hello
echo b > ctx/.dockerignore
docker build -t "$N" -f - ctx < elsewhere/Dockerfile >/dev/null
# Errors call it as it was called.
printf 'FROM %s\nRNU make\n' "$IMAGE" > elsewhere/Wrong
expect_exit 1 docker build -f elsewhere/Wrong ctx
expect_contains "$OUT" 'Dockerfile:2: unknown instruction "RNU"'
expect_exit 1 "$SKIFF_BIN/skiff" build -f elsewhere/Wrong ctx
expect_contains "$OUT" 'Wrong:2: unknown instruction "RNU"'
docker rmi "$N"
