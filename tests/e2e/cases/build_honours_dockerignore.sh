mkdir -p ctx/sub
touch ctx/keep.txt ctx/drop.log ctx/sub/drop.log ctx/sub/keep.log
printf '**/*.log\n!sub/keep.log\n' > ctx/.dockerignore
printf 'FROM %s\nCOPY . /c\nRUN cd /c && find . -type f | sort > /list\nCMD ["cat","/list"]\n' "$IMAGE" > ctx/Dockerfile
docker build -t "$N" ctx >/dev/null
got=$(docker run --rm "$N")
expect_contains "$got" ./sub/keep.log
expect_not_contains "$got" drop.log
docker rmi "$N"
