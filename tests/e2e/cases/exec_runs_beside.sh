docker run -d --name "$N" -e FROM_RUN=yes "$IMAGE" sleep 100
expect_eq "$(docker exec "$N" sh -c 'echo $FROM_RUN')" yes
expect_eq "$(docker exec -e X=y -w /tmp -u app "$N" sh -c 'echo $X $(pwd) $(id -un)')" "y /tmp app"
expect_exit 3 docker exec "$N" sh -c 'exit 3'
expect_exit 127 docker exec "$N" no-such-program
expect_eq "$(echo hi | docker exec -i "$N" cat)" hi
docker exec -d "$N" touch /made
eventually docker exec "$N" test -e /made
expect_contains "$(script -qec "docker exec -it $N tty" /dev/null </dev/null)" /dev/pts/
docker rm -f "$N"
expect_exit 1 docker exec "$N" true
