# A file, the environment, flags: each over the one before, all by one table of options.
serve() { "$SKIFF_BIN/skiff-registry" serve "$@"; }
reg() { "$SKIFF_BIN/skiff" registry "$@"; }
example=$SKIFF_TESTS/../../docs/registry.yaml

# The documented file has each option of serve, and the value that it has when nobody sets it.
serve --help | grep -oE '^  --[a-z0-9-]+' | cut -c5- | grep -vxE 'config|help|version' | sort >options
grep -oE '^(# )?[a-z0-9-]+: ' "$example" | sed 's/^# //; s/: $//' | sort >documented
expect_eq "$(diff options documented)" ""
reg config show --config "$example" | grep -v '^# ' | sed 's/  # .*//' | sort >from-file
: >empty.yaml
reg config show --config empty.yaml | grep -v '^# ' | sed 's/  # .*//' | sort >defaults
expect_eq "$(diff from-file defaults)" ""
# Each key is read, also those that stand there as comments.
while read -r key; do
  printf '%s: {}\n' "$key" >one.yaml
  expect_exit 2 reg config show --config one.yaml
  expect_contains "$OUT" "line 1, column $((${#key} + 3)): $key "
done <documented

printf 'root: %s/reg\nlisten: 127.0.0.1:0\ngc-grace: 60\nundelete: 61\nupload-age: 62\nsparse: true\n' "$PWD" >c.yaml
SKIFF_REGISTRY_UNDELETE=71 SKIFF_REGISTRY_PORT=tcp://1.2.3.4 reg config show --config c.yaml >shown
expect_contains "$(cat shown)" "gc-grace: 60  # c.yaml:3"
expect_contains "$(cat shown)" "undelete: 71  # SKIFF_REGISTRY_UNDELETE"
expect_contains "$(cat shown)" "max-connections: 1024  # default"
expect_contains "$(cat shown)" "sparse: true  # c.yaml:6"
expect_contains "$(reg config check --config c.yaml)" "all is understood"
SKIFF_REGISTRY_LOG_LEVEL=debug "$SKIFF_BIN/skiff-registry" serve --config c.yaml --root "$PWD/other" >log 2>&1 &
server=$!
trap 'kill $server; wait $server || true' EXIT
eventually grep -q "serves http://127.0.0.1:[1-9][0-9]*, root $PWD/other" log

refused() {  # refused TEXT WORDS: the file is named, with line and column
  printf '%b' "$1" >bad.yaml
  expect_exit 2 serve --config bad.yaml
  expect_contains "$OUT" "$2"
  expect_exit 2 reg config check --config bad.yaml
  expect_contains "$OUT" "$2"
}
refused 'root: x\nrooot: y\n' 'bad.yaml: line 2, column 1: unknown key "rooot"'
refused 'config: x\n' 'line 1, column 1: unknown key "config"'
refused 'root: x\nroot: y\n' 'line 2, column 1: the key "root" stands in line 1, too'
refused 'root: &a x\n' 'an anchor (&)'
refused '<<: {root: x}\n' 'a merge (<<)'
refused 'sparse: yes\n' 'line 1, column 9: sparse must be true or false'
refused 'sparse: "true"\n' 'sparse must be true or false'
refused 'root:\n' 'root has an empty value'
refused 'root: [a]\n' 'root takes one value'
refused '- root\n' 'must be a list of KEY: VALUE lines'
refused 'gc-grace: soon\n' 'invalid value for --gc-grace'
expect_exit 2 serve --config none.yaml
expect_contains "$OUT" none.yaml
export SKIFF_REGISTRY_SPARSE=maybe
expect_exit 2 serve --config c.yaml
expect_contains "$OUT" "SKIFF_REGISTRY_SPARSE must be true or false"
unset SKIFF_REGISTRY_SPARSE

# What check says is what serve does.
refused 'drain: -1\n' 'invalid value for --drain: "-1"'
refused 'drain: 1.5\n' 'invalid value for --drain: "1.5"'
refused 'root: ~\n' 'line 1, column 7: root has an empty value'
refused 'upstream: [null]\n' 'line 1, column 12: upstream has an empty value'

# It judges, and makes nothing.
export SKIFF_REGISTRY_ROOT=$PWD/new SKIFF_REGISTRY_DATABASE=postgresql://u@db.invalid/d
expect_contains "$(reg config check)" "all is understood"
reg config show >/dev/null
[ ! -e new ] || fail "check made the root"
mkdir new && : >new/registry.db
expect_exit 1 reg config check
expect_contains "$OUT" "has tables of its own in registry.db"
unset SKIFF_REGISTRY_ROOT SKIFF_REGISTRY_DATABASE

# Of a variable that no option reads there is a warning; Kubernetes sets some beside a service of that name.
SKIFF_REGISTRY_GC_GRAC=1 SKIFF_REGISTRY_PORT_5000_TCP=tcp://1.2.3.4:5000 SKIFF_REGISTRY_SERVICE_HOST=1.2.3.4 \
  reg config check --config empty.yaml >out 2>&1
expect_contains "$(cat out)" "the variable SKIFF_REGISTRY_GC_GRAC is none of an option (did you mean SKIFF_REGISTRY_GC_GRACE?)"
expect_eq "$(grep -c "the variable" out)" 1
