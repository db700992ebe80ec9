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
docker rmi "$N"
