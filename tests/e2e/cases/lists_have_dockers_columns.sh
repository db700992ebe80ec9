docker run -d --name "$N" -p 127.0.0.1:0:80 "$IMAGE" sleep 100
heading() { head -1 | tr -s ' '; }
expect_eq "$(docker ps | heading)" "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES"
row=$(docker ps --filter "name=$N" | tail -1)
[[ $row =~ ^[0-9a-f]{12}\ +$IMAGE\ +\"sleep\ 100\"\ +(Less than a|[0-9]+)\ seconds?\ ago\ +Up\ .*127.0.0.1:[0-9]+-\>80/tcp\ +$N$ ]] || fail "row of ps: $row"
expect_contains "$(docker ps -s --filter "name=$N" | tail -1)" "(virtual "
[[ $(docker images "$IMAGE" | tail -1) =~ ^busybox\ +e2e\ +[0-9a-f]{12}\ .*\ ago\ +[0-9.]+MB$ ]] || fail "row of images: $(docker images "$IMAGE")"
[[ $(docker history "$IMAGE" | tail -1) =~ ^[0-9a-f]{12}\ .*MB\ +Imported\ from\ -$ ]] || fail "history: $(docker history "$IMAGE")"
expect_eq "$(docker top "$N" | heading)" "UID PID PPID C STIME TTY TIME CMD"
expect_eq "$(docker top "$N" -o pid,comm | tail -1 | tr -s ' ' | cut -d' ' -f2)" sleep
expect_eq "$(docker port "$N" | sed 's/:[0-9]*$/:PORT/')" "80/tcp -> 127.0.0.1:PORT"
[[ $(docker stats --no-stream "$N" | tail -1) =~ ^[0-9a-f]{12}\ +$N\ +[0-9.]+%\ .*iB\ /\ .*%.*\ 1$ ]] || fail "row of stats: $(docker stats --no-stream "$N")"
expect_eq "$(docker volume ls | heading)" "DRIVER VOLUME NAME"
expect_eq "$(docker system df --format '{{.Type}}' | tr '\n' ' ')" "Images Containers Local Volumes Build Cache "
docker rm -f "$N"
