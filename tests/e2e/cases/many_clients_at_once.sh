# 32 clients pull, tag, run, remove and prune the same images: each error is one that some order
# of them, one after the other, would give too.
own_daemon
for i in 1 2 3; do
  printf 'FROM %s\nRUN echo shared > /shared\nRUN echo %s > /own\n' "$IMAGE" $i >Dockerfile
  docker build -q -t "$REGISTRY/$N:$i" - <Dockerfile >/dev/null
  docker push -q "$REGISTRY/$N:$i" >/dev/null
done
docker tag "$REGISTRY/$N:3" kept
docker run -d --name holder kept sleep 1000 >/dev/null

# ask COMMAND...: it succeeds, or the image was removed, or is in use, just before.
ask() {
  local out
  out=$(docker "$@" 2>&1) && return
  case $out in
    *"No such image"* | *"conflict: unable to"* | *"not found"*) ;;
    *) echo "$*: $out" >>failures ;;
  esac
}
must() { OUT=$(docker "$@" 2>&1) || echo "$*: $OUT" >>failures; }
client() {
  local n=$1 round tag
  RANDOM=$n
  for round in 1 2 3; do
    tag=$REGISTRY/$N:$((RANDOM % 2 + 1))
    case $((RANDOM % 6)) in
      0) must pull -q "$tag" ;;
      1) ask tag "$tag" "other:$((RANDOM % 2))" ;;
      2) ask rmi "$tag" ;;
      3) must image prune -af ;;
      4) ask run --rm --pull never "$tag" cat /own ;;
      5) must run --rm kept cat /own ;;
    esac
    must images -q
  done
}
touch failures
for n in $(seq 32); do client "$n" & done
wait $(jobs -p | grep -vx "$OWN_PID")
expect_eq "$(cat failures)" ""

expect_contains "$("$SKIFF_BIN/skiff" -H "$DOCKER_HOST" system check --deep)" ": no problems"
expect_eq "$(docker run --rm kept cat /own)" 3
docker rm -f holder >/dev/null
docker system prune -af >/dev/null
expect_eq "$(find "$OWN/root/content/blobs" -type f | wc -l)" 0
expect_contains "$("$SKIFF_BIN/skiff" -H "$DOCKER_HOST" system check --deep)" "Checked 0 images, 0 blobs"
