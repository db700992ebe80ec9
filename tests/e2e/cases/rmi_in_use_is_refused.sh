echo x > f
tar -cf layer.tar f
docker import layer.tar "$N:1" >/dev/null
docker create --name "$N" "$N:1" /f >/dev/null
expect_exit 1 docker rmi "$N:1"
expect_contains "$OUT" "is using its referenced image"
docker rm "$N"
docker rmi "$N:1"
