cat >script <<'EOF_SCRIPT'
expect_contains "$(ana env -u DOCKER_HOST skiff info 2>&1)" rootless
expect_eq "$(stat -c '%U %a' /mnt/ana/run/skiff.sock)" "ana 600"
expect_eq "$(ana docker ps -q)" ""
kill "$(pgrep -u ana -x skiffd)"
eventually eval '! pgrep -u ana -x "skiff.*|pasta.*|passt.*"'
# Of one that cannot start the reason is told.
expect_exit 1 ben env -u DOCKER_HOST skiff ps
expect_contains "$OUT" "skiffd was started and ended: rootless: "
expect_contains "$OUT" "/etc/subuid"
expect_contains "$OUT" "(its log is /mnt/ben/run/skiffd.log)"
# Of two that are started at once one serves both.
ana env -u DOCKER_HOST skiff ps >first 2>&1 &
expect_contains "$(ana env -u DOCKER_HOST skiff ps 2>&1)" "CONTAINER ID"
wait $!
expect_contains "$(cat first)" "CONTAINER ID"
eventually eval '[ "$(pgrep -c -u ana -x skiffd)" = 1 ]'
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
