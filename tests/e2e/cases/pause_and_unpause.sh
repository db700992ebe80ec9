docker run -d --name "$N" "$IMAGE" sleep 100
docker pause "$N"
expect_eq "$(inspect '{{.State.Status}} {{.State.Paused}}' "$N")" "paused true"
expect_contains "$(docker ps --filter "name=$N")" "(Paused)"
docker unpause "$N"
expect_eq "$(inspect '{{.State.Status}}' "$N")" running
docker rm -f "$N"
