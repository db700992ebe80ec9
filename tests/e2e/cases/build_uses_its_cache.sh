mkdir ctx
echo 1 > ctx/f
printf 'FROM %s\nRUN echo slow > /slow\nCOPY f /f\nRUN cat /f > /g\n' "$IMAGE" > ctx/Dockerfile
docker build -t "$N" ctx >/dev/null
first=$(docker image inspect -f '{{.Id}}' "$N")
out=$(docker build -t "$N" ctx)
expect_eq "$(grep -c 'Using cache' <<<"$out")" 3
expect_eq "$(docker image inspect -f '{{.Id}}' "$N")" "$first"
touch -d '2001-01-01' ctx/f
expect_eq "$(docker build -t "$N" ctx | grep -c 'Using cache')" 3
stamp=$(stat -c %y ctx/f)
echo 2 > ctx/f
touch -d "$stamp" ctx/f
expect_eq "$(docker build -t "$N" ctx | grep -c 'Using cache')" 1
expect_eq "$(docker run --rm "$N" cat /g)" 2
expect_eq "$(docker build --no-cache -t "$N" ctx | grep -c 'Using cache' || true)" 0
docker rmi "$N"
