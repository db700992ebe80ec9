# Stock buildx: what is refused is told with its place, and what the builder can do is told before.
peers_ready
own_daemon
mkdir context
refused() { expect_exit 1 bx build --progress plain "$@" "$PWD/context"; }
# Frontends.
printf '# syntax=example.com/mine:1\nFROM %s\n' "$IMAGE" >context/Dockerfile
refused
expect_contains "$OUT" 'Dockerfile:1'
expect_contains "$OUT" '1 | >>> # syntax=example.com/mine:1'
expect_contains "$OUT" 'frontends in images are not supported'
printf '# escape=`\n# syntax=docker/dockerfile:9\nFROM %s\n' "$IMAGE" >context/Dockerfile
refused
expect_contains "$OUT" '2 | >>> # syntax=docker/dockerfile:9'
printf 'FROM %s\n' "$IMAGE" >context/Dockerfile
refused --build-arg BUILDKIT_SYNTAX=docker/dockerfile:9
expect_contains "$OUT" 'this version of the frontend is not known'
expect_not_contains "$OUT" Unimplemented
# What is found before an error is told with it.
printf 'FROM %s AS Base\nRNU true\nFROM %s AS Late\n' "$IMAGE" "$IMAGE" >context/Dockerfile
refused
expect_contains "$OUT" "StageNameCasing: Stage name 'Base' should be lowercase"
expect_contains "$OUT" 'unknown instruction "RNU"'
if bx build --help | has -e --call; then
  expect_exit 1 bx build --check "$PWD/context"
  expect_contains "$OUT" "Stage name 'Base' should be lowercase"
  expect_not_contains "$OUT" Late\'
  expect_contains "$OUT" 'unknown instruction "RNU"'
fi
printf 'FROM %s\n' "$IMAGE" >context/Dockerfile
# An index is annotated where there is one.
refused --annotation index:x=y -o "type=image,name=$N:1"
expect_contains "$OUT" 'index annotations not supported for single platform export'
bx build --annotation index:x=y --platform linux/amd64,linux/arm64 -o "type=image,name=$N:2" - <<<$'FROM scratch\nLABEL a=b'
# Its platforms: all that its processor runs, and what QEMU does.
if [ "$(uname -m)" = x86_64 ]; then
  expect_contains "$(bx inspect | grep '^Platforms:')" linux/386
  expect_contains "$(bx ls)" linux/386
fi
