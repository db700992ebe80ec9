skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir -p ctx/d
echo a > ctx/d/a
echo b > ctx/d/b
printf d/b > ctx/.dockerignore
printf 'FROM %s\nCOPY d /d\nCMD ["ls","/d"]\n' "$IMAGE" > ctx/Dockerfile
out=$(skiff build -t "$N" ctx)
expect_not_contains "$out" "Sending build context"
expect_eq "$(docker run --rm "$N")" a
expect_eq "$(skiff build -t "$N" ctx | grep -c 'Using cache')" 2
# The same as a tar, of which nothing is read that is not sent.
expect_contains "$(tar -C ctx -c . | skiff build -t "$N" -)" "Sending build context"
expect_eq "$(tar -C ctx -c . | skiff build -t "$N" - | grep -c 'Using cache')" 2
# Another size, another time, and neither.
stamp=$(stat -c %y ctx/d/a)
echo c > ctx/d/a
touch -d "$stamp" ctx/d/a
expect_contains "$(skiff build -t "$N" ctx)" "Not cached: d/a changed"
expect_eq "$(docker run --rm "$N" cat /d/a)" c
# All that differs.
echo x > ctx/d/x
rm ctx/.dockerignore
chmod 700 ctx/d
out=$(skiff build --explain -t "$N" ctx)
expect_contains "$out" "- mode or owner of d: 0755 is now 0700"
expect_contains "$out" "- d/b is new"
expect_contains "$out" "- d/x is new"
# Nothing outside of it.
echo secret > outside
ln -s "$PWD/outside" ctx/link
printf 'FROM %s\nCOPY link /got\n' "$IMAGE" > ctx/Dockerfile
expect_exit 1 skiff build -t "$N" ctx
docker rmi "$N"
