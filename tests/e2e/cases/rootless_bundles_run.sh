cat >script <<'EOF_SCRIPT'
mkdir -p /mnt/ana/bundle/rootfs
tar -C /mnt/ana/bundle/rootfs -xf /mnt/base.tar
chown -R 4321:4321 /mnt/ana/bundle
cd /mnt/ana/bundle
ana skiff-runtime spec --rootless
own=$(jq '.process.terminal = false | .root.readonly = false
  | .process.args = ["sh", "-c", "id -u; cat /proc/self/uid_map; echo out >/tmp/file"]' config.json)

# Of the user alone, whom the kernel maps without anybody's help.
expect_eq "$(jq -r '.linux.uidMappings[0].hostID' <<<"$own")" 4321
echo "$own" >config.json
mount --bind /dev/null "$(command -v newuidmap)"
expect_eq "$(ana skiff-runtime run alone | xargs)" "0 0 4321 1"
umount "$(command -v newuidmap)"
expect_eq "$(stat -c %u rootfs/tmp/file)" 4321
expect_eq "$(ana skiff-runtime list -q)" ""

# With subordinate ids, as newuidmap maps them.
jq '.process.args = ["sleep", "1000"]
  | .linux.uidMappings += [{containerID: 1, hostID: 500000, size: 65536}]
  | .linux.gidMappings += [{containerID: 1, hostID: 500000, size: 65536}]' <<<"$own" >config.json
ana skiff-runtime run -d many </dev/null >/dev/null 2>&1
expect_eq "$(ana skiff-runtime state many | jq -r .status)" running
expect_contains "$(ana skiff-runtime ps many)" 'sleep 1000'
expect_eq "$(ana skiff-runtime exec --user 1000:2000 many sh -c 'id -u; id -g; echo $$ >/dev/null' | xargs)" "1000 2000"
pid=$(ana skiff-runtime state many | jq .pid)
ana skiff-runtime exec --user 1000 --detach --pid-file /mnt/ana/pid many sleep 1000
expect_eq "$(stat -c %u "/proc/$(cat /mnt/ana/pid)")" 500999
expect_exit 1 ana skiff-runtime delete many
ana skiff-runtime kill many KILL
eventually eval '! kill -0 $pid'
ana skiff-runtime delete many
expect_eq "$(ana skiff-runtime list -q)" ""

# Limits and namespaces that this user cannot have are refused by name.
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  jq '.linux.resources.memory.limit = 67108864' <<<"$own" >config.json
  expect_exit 1 ana skiff-runtime run limited
  expect_contains "$OUT" 'this user was given no cgroup controller "memory"'
fi
jq 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))' <<<"$own" >config.json
expect_exit 1 ana skiff-runtime run without
expect_contains "$OUT" "needs a user and a mount namespace"
jq '.linux.uidMappings[0] = {containerID: 0, hostID: 0, size: 1}' <<<"$own" >config.json
expect_exit 1 ana skiff-runtime run stolen
expect_contains "$OUT" newuidmap

# The host's cgroups come with its /sys, and are covered there: nobody, root neither, writes to them.
mkdir -p /mnt/covered/rootfs
tar -C /mnt/covered/rootfs -xf /mnt/base.tar
cd /mnt/covered
"$SKIFF_BIN/skiff-runtime" spec --rootless
jq '.process.terminal = false | .process.args =
  ["sh", "-c", "for at in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $at/x && echo made; done 2>/dev/null; true"]' config.json >own.json
mv own.json config.json
expect_eq "$("$SKIFF_BIN/skiff-runtime" run covered)" ""
EOF_SCRIPT
with_user script
