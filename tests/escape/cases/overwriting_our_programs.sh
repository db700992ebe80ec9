# CVE-2019-5736: a program of ours that enters a container cannot be written from in there, neither
# while it runs nor afterwards, nor made to run as the container's program with the host's rights.
with_probe "$N"
mkfifo end
docker run -i --name "$N" --cap-add SYS_PTRACE "$N" /probe overwrite "$(stat -c %s "$SKIFF_BIN/skiff-runtime")" <end >overwrite.log &
exec 7>end
eventually grep -q ready overwrite.log
for _ in $(seq 10); do
  docker exec "$N" true
  docker exec -t "$N" true
  harmless docker exec "$N" /proc/self/exe
  harmless docker exec "$N" /no/such/program
  docker run --rm --pid "container:$N" "$IMAGE" true
  harmless docker run --rm --pid "container:$N" "$IMAGE" /proc/self/exe --version
  harmless docker run --rm --pid "container:$N" --security-opt no-new-privileges -w /nowhere "$IMAGE" true
done
exec 7>&-
wait $!
docker rm "$N" >/dev/null
[ "$(sed -n 's/^programs //p' overwrite.log)" -ge 1 ] || fail "it has not seen a program of ours"
# A program that runs is busy anyway; that one is read-only holds afterwards, too.
expect_eq "$(grep ^write overwrite.log | sed 's,ETXTBSY,EROFS,' | sort -u)" "write EROFS, mount read-only"
# As the program and as the interpreter, with a library to be loaded into it.
mkdir -p files/etc
printf '#!/proc/self/exe\n' >files/script
chmod +x files/script
echo /trap.so >files/etc/ld.so.preload
cp /bin/true files/trap.so
image "$N:trap" files 'ENTRYPOINT ["/proc/self/exe"]'
for program in /proc/self/exe /proc/1/exe /script; do
  harmless docker run --rm --entrypoint $program "$N:trap" --version
  harmless docker run --rm --init --entrypoint $program "$N:trap" --version
done
printf 'FROM %s:trap\nRUN ["/proc/self/exe", "--version"]\n' "$N" >Dockerfile
harmless docker build -q .
