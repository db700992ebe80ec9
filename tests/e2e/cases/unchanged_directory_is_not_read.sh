# A directory that is read in place and has not changed: what the steps copy is not opened again. An edit that keeps size
# and time shows all the same.
cat >watch.py <<'END'
# watch.py DIRECTORY COMMAND...: which files of the directory are opened while the command is at work.
import ctypes, os, struct, subprocess, sys
IN_OPEN, IN_ISDIR, HEAD = 0x20, 0x40000000, struct.calcsize("iIII")
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(os.O_NONBLOCK)
if libc.inotify_add_watch(fd, sys.argv[1].encode(), IN_OPEN) < 0:
    sys.exit(f"inotify: {os.strerror(ctypes.get_errno())}")
subprocess.run(sys.argv[2:], check=True, stdout=open("out", "w"))
names = set()
try:
    while events := os.read(fd, 65536):
        while events:
            _, mask, _, size = struct.unpack_from("iIII", events)
            name = events[HEAD : HEAD + size].rstrip(b"\0").decode()
            if name and not mask & IN_ISDIR:
                names.add(name)
            events = events[HEAD + size :]
except BlockingIOError:
    pass
print(*sorted(names))
END
mkdir -p ctx/d
echo a >ctx/d/a
echo b >ctx/d/b
printf 'FROM %s\nCOPY d /d\n' "$IMAGE" >ctx/Dockerfile
opened() { python3 watch.py ctx/d "$SKIFF_BIN/skiff" build -t "$N" ctx; }
expect_eq "$(opened)" "a b"
expect_not_contains "$(cat out)" "Sending build context"
# What was written just now is not trusted yet.
eventually eval '[ -z "$(opened)" ]'
expect_eq "$(grep -c 'Using cache' out)" 1
stamp=$(stat -c %y ctx/d/a)
echo c >ctx/d/a
touch -d "$stamp" ctx/d/a
expect_contains "$(opened)" a
expect_contains "$(cat out)" "Not cached: d/a changed"
expect_eq "$(docker run --rm "$N" cat /d/a)" c
docker rmi "$N" >/dev/null
