# Damage is told line by line; a pull mends what a registry has, --repair removes the rest.
skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
own_daemon
printf 'FROM %s\nRUN echo 1 > /x\n' "$IMAGE" >Dockerfile
docker build -q -t "$REGISTRY/$N" - <Dockerfile >/dev/null
docker push -q "$REGISTRY/$N" >/dev/null
expect_contains "$(skiff system check --deep)" ": no problems"

blob_of() { # IMAGE: the file of its topmost layer
  local digest
  docker save "$1" | tar -xO manifest.json | jq -r '.[0].Layers[-1]' | sed 's,.*/,,' >layer
  digest=$(cat layer)
  echo "$OWN/root/content/blobs/sha256/${digest:0:2}/$digest"
}
file=$(blob_of "$REGISTRY/$N")

# Lost: told, not pushed or saved, and fetched again by a pull.
rm "$file"
expect_exit 1 skiff system check
expect_contains "$OUT" "$(cat layer) is damaged: its file is gone ($file)"
expect_contains "$OUT" "image $REGISTRY/$N"
expect_exit 1 docker save -o out.tar "$REGISTRY/$N"
expect_contains "$OUT" "$(cat layer) is damaged on disk"
expect_exit 1 docker push "$REGISTRY/$N"
expect_contains "$OUT" "$(cat layer) is damaged on disk"
expect_contains "$(docker pull "$REGISTRY/$N")" "Downloaded newer image"
expect_contains "$(skiff system check --deep)" ": no problems"
expect_contains "$(docker pull "$REGISTRY/$N")" "up to date"

# Damaged: a layer that was made here comes back from its files.
printf 'x' | dd of="$file" bs=1 conv=notrunc status=none
expect_exit 1 skiff system check
expect_contains "$OUT" "its content is sha256:"
out=$(skiff system check --repair)
expect_contains "$out" "made anew from its snapshot"
expect_contains "$(skiff system check --deep)" ": no problems"
expect_eq "$(docker run --rm "$REGISTRY/$N" cat /x)" 1

# Lost files of a layer come back from its blob; a directory that is no layer goes.
kill "$OWN_PID"
wait "$OWN_PID" || true
start_own_daemon  # nothing is mounted
snapshots=$OWN/root/snapshots/snapshots
find "$snapshots" -maxdepth 1 -mindepth 1 -exec rm -r {} +
mkdir "$snapshots/4711"
expect_exit 1 skiff system check
expect_contains "$OUT" "its directory is gone"
expect_contains "$OUT" "snapshot directory 4711 has no record"
skiff system check --repair
expect_contains "$(skiff system check --deep)" ": no problems"
expect_eq "$(docker run --rm "$REGISTRY/$N" cat /x)" 1

# A layer whose files are damaged is not run; a pull brings it anew, under who stands on it.
tar=$(find "$snapshots" -path '*/1/layer.tar')
if [ -n "$tar" ]; then
  docker run -d --name "$N-old" "$REGISTRY/$N" sleep 1000 >/dev/null
  docker create --name "$N-waits" "$REGISTRY/$N" cat /x >/dev/null
  printf 'x' | dd of="$tar" bs=1 seek=2000 conv=notrunc status=none
  expect_exit 1 skiff system check
  expect_contains "$OUT" "its tar is sha256:"
  expect_contains "$OUT" "): pull or load "
  expect_contains "$OUT" "$REGISTRY/$N:latest again, or run skiff system check --repair"
  expect_exit 1 docker restart "$N-old"
  expect_contains "$OUT" "is damaged on disk"
  expect_exit 125 docker run --rm "$REGISTRY/$N" cat /x
  expect_contains "$OUT" "image $REGISTRY/$N:latest: layer sha256:"
  expect_contains "$OUT" "is damaged on disk"
  expect_exit 1 docker start -a "$N-waits"
  expect_contains "$OUT" "pull its image again, or run skiff system check --repair"
  expect_eq "$(docker exec "$N-old" cat /x)" 1
  docker pull -q "$REGISTRY/$N" >/dev/null
  expect_eq "$(docker run --rm "$REGISTRY/$N" cat /x)" 1
  expect_eq "$(docker start -a "$N-waits")" 1
  expect_eq "$(docker exec "$N-old" cat /x)" 1
  docker rm -f "$N-old" "$N-waits" >/dev/null
  expect_contains "$(skiff system check --deep)" ": no problems"
fi

# What cannot come back goes, with its names; what is whole stays.
docker tag "$IMAGE" "$N-base"
config=$(docker inspect -f '{{.Id}}' "$N-base" | cut -d: -f2)
rm "$OWN/root/content/blobs/sha256/${config:0:2}/$config"
touch "$OWN/root/content/blobs/sha256/stray"
expect_exit 0 skiff system check --repair
expect_contains "$OUT" "a file that is no blob"
expect_contains "$OUT" "$N-base"
expect_contains "$(skiff system check --deep)" ": no problems"
expect_exit 1 docker inspect "$IMAGE"
expect_eq "$(docker run --rm "$REGISTRY/$N" cat /x)" 1
