# What of the build cache goes is said by filters and sizes: of stock buildx, of docker without it, of skiff; and what
# is not understood is refused by name.
peers_ready
own_daemon
skiff=$SKIFF_BIN/skiff
mkdir context
printf 'FROM %s\nRUN --mount=type=cache,target=/c echo one > /one && echo > /c/x\nRUN echo two > /two\n' \
  "$IMAGE" >context/Dockerfile
bx build -q "$PWD/context" >/dev/null

expect_contains "$(bx du --verbose --filter type=exec.cachemount)" 'cache mount'
expect_not_contains "$(bx du --verbose --filter type=exec.cachemount)" RUN
expect_not_contains "$("$skiff" builder du --verbose --filter until=1h)" RUN
expect_contains "$("$skiff" builder du --verbose --filter 'description~=echo t.o')" 'RUN echo two'
expect_not_contains "$("$skiff" builder du --verbose --filter 'description~=echo t.o')" 'echo one'
expect_exit 1 bx du --filter colour=red
expect_contains "$OUT" 'filter "colour"'

# Nothing that is named wrongly goes, nor what the filters do not mean.
count() { "$skiff" builder du --format '{{.ID}}' | wc -l; }
all=$(count)
for wrong in colour=red type=regula inuse=maybe; do
  expect_exit 1 bx prune -af --filter $wrong
  expect_contains "$OUT" "filter \"${wrong%=*}\""
  for client in docker "$skiff"; do
    expect_exit 1 "$client" builder prune -af --filter $wrong
    expect_contains "$OUT" "filter \"${wrong%=*}\""
  done
done
bx prune -af --filter until=1h --filter type=regular >/dev/null
bx prune -af --filter inuse=true >/dev/null
# Clients before 0.17 know one size.
if bx prune --help | has -e --min-free-space; then
  bx prune -af --min-free-space 1b >/dev/null
  bx prune -af --max-used-space 1tb >/dev/null
  bx prune -af --reserved-space 1tb --max-used-space 1b >/dev/null
fi
"$skiff" builder prune -af --min-free-space 1b >/dev/null
expect_eq "$(count)" "$all"

docker builder prune -af --filter id=none >/dev/null
expect_eq "$(count)" "$all"
id=$("$skiff" builder du --filter 'description~=echo two' --format '{{.ID}}')
docker builder prune -af --filter "id=${id:0:20}" >/dev/null
expect_not_contains "$("$skiff" builder du --verbose)" 'echo two'
"$skiff" builder prune -af --filter 'description~=cache mount' >/dev/null
expect_not_contains "$("$skiff" builder du --verbose)" 'cache mount'
expect_eq "$(count)" $((all - 2))
# What goes for the disk's sake is what frees something.
"$skiff" builder prune -af --filter 'id!=none' --min-free-space 1000tb >/dev/null
expect_eq "$("$skiff" builder du --filter private=true --format '{{.ID}}' | wc -l)" 0
"$skiff" builder prune -af --filter 'id!=none' >/dev/null
expect_eq "$(count)" 0
