expect_eq "$(docker version -f '{{.Server.Os}}/{{.Server.Arch}}')" "linux/$(dpkg --print-architecture)"
expect_contains "$(docker version)" "API version"
expect_eq "$(docker info -f '{{.OSType}}')" linux
expect_eq "$(docker info -f '{{.NCPU}}')" "$(nproc)"
[ "$(docker info -f '{{.Images}}')" -ge 1 ] || fail "info counts no image"
