# Of root: all that the other cases need is there.
expect_exit 0 "$SKIFF_BIN/skiff" doctor
expect_contains "$OUT" "All that is needed is there."
expect_exit 2 "$SKIFF_BIN/skiff" doctor --format yaml
cat >script <<'EOF_SCRIPT'
expect_exit 0 ana skiff doctor
expect_contains "$OUT" "rootless namespaces"
expect_contains "$OUT" "container roots"
expect_eq "$(ana skiff doctor --format json | jq -r '.[] | select(.Name == "rootless namespaces") | .State')" ok
eventually eval '! pgrep -u ana -x "skiff.*|pasta.*|passt.*"'
expect_eq "$(find /mnt/ana/run -mindepth 1)" ""

# ben has no ids; nobody's daemon starts without, and says the same.
expect_exit 1 ben skiff doctor
expect_contains "$OUT" "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ben"
expect_exit 1 ben skiffd
expect_contains "$OUT" "usermod --add-subuids"

# A daemon that cannot serve leaves nothing that it started.
expect_exit 1 ana skiffd --root /proc/skiff
eventually eval '! pgrep -u ana -x "skiff.*|pasta.*|passt.*"'

# Each of the others taken away in turn.
gone() { # NAME COMMAND: what doctor of ana now names as missing, with that command
  expect_exit 1 ana skiff doctor --format json
  expect_eq "$(jq -r ".[] | select(.Name == \"$1\") | .State + \" \" + .Command" <<<"$OUT")" "missing $2"
}
(
  mount --bind /dev/null "$(command -v newuidmap)"
  gone newuidmap "sudo apt-get install uidmap"
  umount "$(command -v newuidmap)"
)
chmod 600 /mnt/tun
gone /dev/net/tun "sudo chmod 0666 /dev/net/tun"
chmod 666 /mnt/tun
limit=$(cat /proc/sys/user/max_user_namespaces)
expect_exit 1 ana env -u XDG_RUNTIME_DIR skiff doctor
expect_contains "$OUT" XDG_RUNTIME_DIR
expect_exit 1 ana env XDG_RUNTIME_DIR=/nope skiff doctor
expect_contains "$OUT" "XDG_RUNTIME_DIR /nope: there is no such directory"
expect_contains "$OUT" "export XDG_RUNTIME_DIR=/run/user/"

# What is lacking has a command, too, and one that helps here.
ana skiff doctor --format json >findings
expect_eq "$(jq -r '.[] | select(.State == "lacking" and .Command == "") | .Name' findings)" ""
if [ "$(grep -c cgroup /proc/self/mountinfo)" != 1 ]; then
  expect_contains "$(jq -r '.[] | select(.Name == "cgroups") | .Command' findings)" unified_cgroup_hierarchy
fi
EOF_SCRIPT
with_user script
