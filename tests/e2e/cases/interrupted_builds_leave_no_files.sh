# Ctrl-C while a build runs, for each kind of output: nothing stays, of a directory that was there
# what was in it.
mkdir -p ctx places/there
echo kept > places/there/f
printf 'FROM %s\nRUN echo begun; sleep 60\n' "$IMAGE" > ctx/Dockerfile
interrupted() {
  rm -f log
  set -m
  "$SKIFF_BIN/skiff" build --no-cache "$@" ctx >log 2>&1 &
  local client=$!
  set +m
  eventually grep -q '^begun' log
  kill -INT "$client"
  wait "$client" && fail "it was not interrupted: $*"
  expect_eq "$(cd places && find . -mindepth 1 | sort | tr '\n' ' ')" "./there ./there/f " "$*"
  expect_eq "$(cat places/there/f)" kept
}
for output in places/new places/there type=tar,dest=places/a.tar type=oci,dest=places/a.tar \
  type=docker,dest=places/a.tar type=oci,tar=false,dest=places/new type=docker,tar=false,dest=places/there; do
  interrupted -o "$output" -t "$N"
done
interrupted --iidfile places/id -t "$N"
interrupted --metadata-file places/meta -t "$N"
