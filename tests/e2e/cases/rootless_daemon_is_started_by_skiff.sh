cat >script <<'EOF_SCRIPT'
expect_contains "$(ana env -u DOCKER_HOST skiff info 2>&1)" rootless
expect_eq "$(stat -c '%U %a' /mnt/ana/run/skiff.sock)" "ana 600"
expect_eq "$(ana docker ps -q)" ""
kill "$(pgrep -u ana -x skiffd)"
eventually eval '! pgrep -u ana -x "skiff.*|pasta.*|passt.*"'
# slirp4netns serves where pasta is not there.
command -v slirp4netns >/dev/null || exit 0
mount --bind /dev/null "$(command -v pasta)"
ana_starts
ana docker import /mnt/base.tar base >/dev/null
expect_contains "$(ana docker run --rm --network host base ip addr)" 10.0.2.100
ana_stops
eventually eval '! pgrep -u ana -x "skiff.*|slirp.*"'
EOF_SCRIPT
with_user script
