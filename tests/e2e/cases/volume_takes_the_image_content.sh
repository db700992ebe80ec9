docker run --rm -v "$N:/etc" "$IMAGE" test -s /etc/passwd
docker run --rm -v "$N:/seen" "$IMAGE" test -s /seen/passwd
docker volume rm "$N"
