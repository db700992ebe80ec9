# What is refused leaves no registry behind.
reg() { "$SKIFF_BIN/skiff-registry" "$@" --root "$PWD/none"; }
mkdir other
expect_exit 1 reg import "$PWD/other"
expect_contains "$OUT" "$PWD/other is no tree of a registry"
[ ! -e none ] || fail "an import that was refused has made: $(ls none)"

# A tree without repositories is one: the registry is made then.
mkdir -p other/docker/registry/v2/repositories
expect_contains "$(reg import "$PWD/other")" "0 repositories"
[ -e none/registry.db ] || fail "no registry was made"
# Where there is one, it is the operation that judges.
expect_exit 1 reg import "$PWD/none"
expect_contains "$OUT" "$PWD/none is no tree of a registry"
