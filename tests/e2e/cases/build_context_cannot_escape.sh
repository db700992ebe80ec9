echo secret > "$PWD/outside"
mkdir ctx
ln -s "$PWD/outside" ctx/link
printf 'FROM %s\nCOPY link /got\n' "$IMAGE" > ctx/Dockerfile
expect_exit 1 docker build -t "$N" ctx
printf 'FROM %s\nCOPY ../outside /got\n' "$IMAGE" > ctx/Dockerfile
expect_exit 1 docker build -t "$N" ctx
printf 'FROM %s\n' "$IMAGE" > Dockerfile
echo evil > evil
tar -cf hostile.tar --transform 's,^evil$,../../escaped,' -P Dockerfile evil
expect_exit 1 docker build - < hostile.tar
[ ! -e ../../escaped ] || fail "the context wrote outside"
