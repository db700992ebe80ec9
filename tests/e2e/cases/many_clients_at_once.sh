# 32 clients pull, push, tag, run, build, commit, import, load, save, remove and prune the same
# images: each error is one that some order of them, one after the other, would give too.
# SKIFF_SEED and SKIFF_ROUNDS make it another run, and a longer one.
own_daemon
for i in 1 2 3; do
  printf 'FROM %s\nRUN echo shared > /shared\nRUN echo %s > /own\n' "$IMAGE" $i >Dockerfile
  docker build -q -t "$REGISTRY/$N:$i" - <Dockerfile >/dev/null
  docker push -q "$REGISTRY/$N:$i" >/dev/null
done
docker tag "$REGISTRY/$N:3" kept
docker tag kept "$REGISTRY/$N-kept:1"
docker run -d --name holder kept sleep 1000 >/dev/null
docker save -o several.tar "$REGISTRY/$N:1" "$REGISTRY/$N:2"
digest=$(inspect '{{index .RepoDigests 0}}' "$REGISTRY/$N:1")

# ask COMMAND...: it succeeds, or the image was removed, or is in use, just before.
ask() {
  local out
  out=$(docker "$@" 2>&1) && return
  case $out in
    *"No such image"* | *"conflict: unable to"* | *"does not exist locally"*) ;;
    *) echo "$*: $out" >>failures ;;
  esac
}
must() { OUT=$(docker "$@" 2>&1) || echo "$*: $OUT" >>failures; }
client() {
  local n=$1 round tag
  RANDOM=$((n + 32 * ${SKIFF_SEED:-0}))
  for round in $(seq "${SKIFF_ROUNDS:-3}"); do
    tag=$REGISTRY/$N:$((RANDOM % 2 + 1))
    case $((RANDOM % 16)) in
      0) must pull -q "$tag" ;;
      1) ask tag "$tag" "other:$((RANDOM % 2))" ;;
      2) ask rmi "$tag" ;;
      3) must image prune -af ;;
      4) ask run --rm --pull never "$tag" cat /own ;;
      5) must run --rm kept cat /own ;;
      6) must import "$BASE_TAR" "made:$((RANDOM % 3))" ;;
      7) must load -q -i several.tar ;;
      8) must commit holder "made:$((RANDOM % 3))" ;;
      9) must build -q -t "made:$((RANDOM % 3))" - < <(
        printf 'FROM %s\nRUN echo made > /made\nRUN echo %s >> /made\n' "$tag" $((RANDOM % 2))) ;;
      10) must save -o "saved-$n.tar" kept ;;
      11) ask save -o "saved-$n.tar" "$tag" ;;
      12) must push -q "$REGISTRY/$N-kept:1" ;;
      13) ask push -q "$tag" ;;
      14) must pull -q "$digest" ;;
      15) must builder prune -af ;;
    esac
    must history -q kept
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
