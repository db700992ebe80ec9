# A RUN that fills the disk which the daemon's own files are on, and a layer that no longer fits: the
# build fails with the reason, and its workspace goes with it, though its removal takes room, too.
mkdir -p own/root
mount -t tmpfs -o size=40m tmpfs own/root
trap 'umount -l own/root' EXIT
own_daemon
trap 'stop_own_daemon; umount -l own/root' EXIT
docker run --rm "$IMAGE" true
snapshots() { find own/root/snapshots/snapshots -mindepth 1 -maxdepth 1 | sort; }
used() { df --output=used -k own/root | tail -1; }
snapshots >before
room=$(used)
fill='cat /dev/zero >/full; cat /dev/zero >/fuller'
for client in docker "$SKIFF_BIN/skiff"; do
  for rest in '; false' '; true'; do
    printf 'FROM %s\nRUN (%s) 2>/dev/null%s\n' "$IMAGE" "$fill" "$rest" >Dockerfile
    expect_exit 1 "$client" build --no-cache - <Dockerfile
    case $rest in
      *true) expect_contains "$OUT" "store layer: " && expect_contains "$OUT" "No space left on device" ;;
      *) expect_contains "$OUT" "returned a non-zero code: 1" ;;
    esac
    snapshots >after
    diff before after || fail "a workspace is left: $OUT: $(cat "$OWN/log")"
    now=$(used)
    [ "$now" -lt $((room + 2048)) ] || fail "of 40 MiB, $room KiB were taken before and $now are now"
  done
done
# A container that does: its address is free again with its removal at the latest.
expect_exit 1 docker run --name "$N" "$IMAGE" sh -c "$fill"
docker rm "$N" >/dev/null
expect_eq "$(docker network inspect -f '{{len .Containers}}' bridge)" 0
# Where not one byte is left, a removal makes room, too.
expect_exit 1 docker run --name "$N" "$IMAGE" sh -c "$fill"
cat /dev/zero 2>/dev/null >own/root/full || true
docker rm "$N" >/dev/null
rm own/root/full
expect_eq "$(docker ps -aq)" ""
# One that goes by itself, which no request makes room for.
expect_exit 1 docker run --rm "$IMAGE" sh -c "$fill"
none_is_left() { [ -z "$(docker ps -aq)" ]; }
eventually none_is_left
expect_eq "$(find own/run/builder -mindepth 1 -maxdepth 1 -name 'build-*' | wc -l)" 0
expect_contains "$("$SKIFF_BIN/skiff" -H "$DOCKER_HOST" system check --deep)" ": no problems"
printf 'FROM %s\nRUN echo fits >/f\n' "$IMAGE" >Dockerfile
docker build -q -t "$N" - <Dockerfile >/dev/null
