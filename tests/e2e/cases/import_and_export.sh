docker run --name "$N" "$IMAGE" sh -c 'echo in > /exported'
docker export "$N" > tree.tar
docker rm "$N"
docker import -c 'CMD ["cat","/exported"]' - "$N:1" < tree.tar >/dev/null
expect_eq "$(docker run --rm "$N:1")" in
docker rmi "$N:1"
# What is refused leaves nothing.
own_daemon
docker image prune -af >/dev/null
head -c 3000000 /dev/urandom > noise
tar -cf whole.tar noise
head -c 2000000 whole.tar > cut.tar
expect_exit 1 docker import cut.tar
expect_contains "$OUT" "cut short"
expect_exit 1 docker import noise
expect_contains "$OUT" "not a tar archive"
expect_eq "$(grep -o sha256: <<<"$OUT" | wc -l)" 1 # which layer, once
expect_eq "$(find "$OWN/root/content/blobs" -type f -size +100k | wc -l)" 0
