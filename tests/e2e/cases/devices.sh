# --device and --device-cgroup-rule: the host's devices under the names and with the rights asked for, and no others.
run() { docker run --rm "$@"; }
# A device that every container would open if the rules let it: no capability is asked for.
(exec 3<>/dev/net/tun) 2>/dev/null || skip "no /dev/net/tun: modprobe tun"
expect_exit 1 run "$IMAGE" sh -c 'mknod /tmp/tun c 10 200 && exec 3</tmp/tun'
expect_contains "$OUT" "Operation not permitted"
expect_eq "$(run --device /dev/net/tun:/dev/log/mine:r "$IMAGE" stat -c '%F %t:%T' /dev/log/mine)" "character special file a:c8"
run --device /dev/net/tun:/dev/mine:r "$IMAGE" sh -c 'exec 3</dev/mine'
expect_exit 1 run --device /dev/net/tun:/dev/mine:r "$IMAGE" sh -c 'exec 3>/dev/mine'
expect_contains "$OUT" "Operation not permitted"
run --device /dev/net/tun "$IMAGE" sh -c 'exec 3<>/dev/net/tun'
run --device /dev/null:/dev/xnull:rwm "$IMAGE" sh -c 'echo x >/dev/xnull && [ -z "$(cat /dev/xnull)" ]'
# Of two for one place the first is there.
expect_eq "$(run --device /dev/net/tun:/dev/mine --device /dev/null:/dev/mine "$IMAGE" stat -c %t:%T /dev/mine)" a:c8
# A link is followed, a directory gives all that is in it.
ln -s /dev/net/tun link
run --device "$PWD/link:/dev/linked:r" "$IMAGE" sh -c 'exec 3</dev/linked'
mkdir -p some/sub
mknod some/a c 10 200
mknod some/sub/b c 1 7
run --device "$PWD/some:/dev/some:r" "$IMAGE" sh -c 'exec 3</dev/some/a 4</dev/some/sub/b'
# A rule alone makes no node.
expect_exit 1 run --device-cgroup-rule 'c 10:200 r' "$IMAGE" test -e /dev/net/tun
expect_exit 1 run --device-cgroup-rule 'c 10:201 r' "$IMAGE" sh -c 'mknod /tmp/tun c 10 200 && exec 3</tmp/tun'
run --device-cgroup-rule 'c 10:200 r' "$IMAGE" sh -c 'mknod /tmp/tun c 10 200 && exec 3</tmp/tun'
run --device-cgroup-rule 'c *:* rwm' "$IMAGE" sh -c 'mknod /tmp/tun c 10 200 && exec 3<>/tmp/tun'
docker create --name "$N" --device /dev/net/tun:/dev/mine:r --device-cgroup-rule 'c 10:200 r' "$IMAGE" true
expect_eq "$(inspect '{{json .HostConfig.Devices}} {{json .HostConfig.DeviceCgroupRules}}' "$N")" \
  '[{"PathOnHost":"/dev/net/tun","PathInContainer":"/dev/mine","CgroupPermissions":"r"}] ["c 10:200 r"]'
docker rm "$N"
# In docker's words.
# The client makes 127 of these words.
expect_exit 127 run --device /no/such "$IMAGE" true
expect_contains "$OUT" 'error gathering device information while adding custom device "/no/such": no such file or directory'
expect_exit 125 run --device /etc/passwd "$IMAGE" true
expect_contains "$OUT" 'error gathering device information while adding custom device "/etc/passwd": not a device node'
create() { curl -sS --unix-socket "${DOCKER_HOST#unix://}" -H 'Content-Type: application/json' -d "{\"Image\":\"$IMAGE\",\"Cmd\":[\"true\"],\"HostConfig\":$1}" http://x/containers/create; }
expect_contains "$(create '{"DeviceCgroupRules":["d 1:2 r"]}')" "invalid device cgroup rule format: 'd 1:2 r'"
expect_contains "$(create '{"Devices":[{"PathOnHost":"dev","PathInContainer":"/dev/x","CgroupPermissions":"r"}]}')" "dev is not an absolute path"
expect_contains "$(create '{"Devices":[{"PathOnHost":"/dev/null","CgroupPermissions":"rx"}]}')" "bad mode specified: rx"
