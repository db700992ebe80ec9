# Where there is no registry, commands say so and make none; nor is one left by what is refused.
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

# Every command that works on a registry says that there is none.
rm -r none
while read -r command; do
  expect_exit 1 reg $command
  expect_contains "$OUT" "there is no registry in $PWD/none"
  [ ! -e none ] || fail "$command has made: $(ls none)"
done <<'END'
user list
user remove ann
team list
team add acme/devs
robot list
robot remove acme+r
token list
repo list
repo set acme --visibility public
grant pull / everybody
repo grants
key list
certificate list
check
gc
rule list
quota show /
audit list
retention list
webhook list
mirror list
END
