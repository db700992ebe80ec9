# Sizes, capabilities, ulimits and security options: taken or refused as by docker, before a container is made.
skiff() { "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" "$@"; }
for client in docker skiff; do
  expect_eq "$($client run --rm -m 6.5m --memory-swap -1 --shm-size '1.5 MiB' --name "$N" "$IMAGE" df -k /dev/shm | awk 'NR == 2 {print $2}')" 1536
  for size in -1 1.5q '6  m'; do
    expect_exit 125 $client create -m "$size" --name "$N" "$IMAGE"
    expect_contains "$OUT" "invalid argument \"$size\" for \"-m, --memory\" flag"
  done
  expect_exit 125 $client run -m 1 --name "$N" "$IMAGE" true
  expect_contains "$OUT" "Minimum memory limit allowed is 6MB"
  expect_exit 1 $client create --cap-add nope --name "$N" "$IMAGE" true
  expect_contains "$OUT" 'invalid CapAdd: unknown capability: "CAP_NOPE"'
  expect_exit 1 $client create --security-opt what=1 --name "$N" "$IMAGE" true
  expect_contains "$OUT" 'invalid --security-opt 2: "what=1"'
  expect_exit 125 $client create --ulimit nofile=x --name "$N" "$IMAGE" true
  expect_contains "$OUT" 'invalid argument "nofile=x" for "--ulimit" flag'
  expect_exit 1 $client inspect "$N"
  # A path that is masked where nobody says otherwise.
  expect_eq "$($client run --rm --security-opt systempaths=unconfined "$IMAGE" grep -c ' /proc/' /proc/self/mountinfo || true)" 0
done
if [ ! -d /sys/module/apparmor ]; then
  docker create --name "$N" --security-opt apparmor=mine "$IMAGE" true >/dev/null 2>warning
  expect_contains "$(cat warning)" "apparmor=mine: AppArmor is off in this kernel"
  docker rm "$N" >/dev/null
fi
api() { curl -s --unix-socket "${DOCKER_HOST#unix://}" -H 'Content-Type: application/json' -d "$1" http://x/containers/create; }
expect_contains "$(api "{\"Image\": \"$IMAGE\", \"Cmd\": [\"true\"], \"HostConfig\": {\"CapAdd\": [\"NOPE\"]}}")" 'invalid CapAdd'
expect_contains "$(api "{\"Image\": \"$IMAGE\", \"Cmd\": [\"true\"], \"HostConfig\": {\"Ulimits\": [{\"Name\": \"nope\", \"Soft\": 1, \"Hard\": 1}]}}")" 'invalid ulimit type: nope'
