echo secret > "$PWD/outside"
mkdir ctx
ln -s "$PWD/outside" ctx/link
printf 'FROM %s\nCOPY link /got\n' "$IMAGE" > ctx/Dockerfile
expect_exit 1 docker build -t "$N" ctx
expect_contains "$OUT" "\"/link\" is a link to \"$PWD/outside\", which is outside of the build context"
printf 'FROM %s\nCOPY ../outside /got\n' "$IMAGE" > ctx/Dockerfile
expect_exit 1 docker build -t "$N" ctx
expect_contains "$OUT" '"../outside" is outside of the build context'
printf 'FROM %s\n' "$IMAGE" > Dockerfile
echo evil > evil
tar -cf hostile.tar --transform 's,^evil$,../../escaped,' -P Dockerfile evil
expect_exit 1 docker build - < hostile.tar
[ ! -e ../../escaped ] || fail "the context wrote outside"
