# "shared" and "slave" need a mount of the host's that hands others on, and are refused without one.
[ -n "${OWN_MOUNTS:-}" ] || OWN_MOUNTS=1 exec unshare --mount --propagation private bash -c "$CASE"
mkdir kept
mount -t tmpfs kept kept
mkdir kept/sub
own_daemon
run() { docker run --rm "$@"; }
for mode in rshared shared rslave slave; do
  what='shared mount'
  [[ $mode = *shared ]] || what='shared or slave mount'
  expect_exit 125 run -v "$PWD/kept/sub:/k:$mode" "$IMAGE" true
  expect_contains "$OUT" "path $PWD/kept/sub is mounted on $PWD/kept but it is not a $what"
done
mount --make-shared kept
run -v "$PWD/kept/sub:/k:rshared" "$IMAGE" true
run -v "$PWD/kept/sub:/k:rslave" "$IMAGE" true
