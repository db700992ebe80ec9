# A second daemon on the root or the run directory of another is refused: it would end its containers.
own_daemon
docker run -d --name "$N" "$IMAGE" sleep 1000 >/dev/null
expect_exit 1 timeout 60 "$SKIFF_BIN/skiffd" --root "$OWN/root" --run-dir "$PWD/run" --socket "$PWD/s.sock"
expect_contains "$OUT" "another skiffd already serves $OWN/root"
expect_exit 1 timeout 60 "$SKIFF_BIN/skiffd" --root "$PWD/root" --run-dir "$OWN/run" --socket "$PWD/s.sock"
expect_contains "$OUT" "another skiffd already serves $OWN/run"
expect_eq "$(inspect '{{.State.Running}}' "$N")" true
