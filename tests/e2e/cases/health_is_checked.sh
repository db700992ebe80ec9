docker run -d --name "$N" --health-cmd 'test -e /well' --health-interval 200ms --health-retries 2 \
  --health-timeout 5s "$IMAGE" sleep 100
health() { [ "$(inspect '{{.State.Health.Status}}' "$N")" = "$1" ]; }
export -f health inspect
export N
eventually bash -c 'health unhealthy'
expect_contains "$(docker ps --filter "name=$N")" "(unhealthy)"
expect_eq "$(inspect '{{(index .State.Health.Log 0).ExitCode}}' "$N")" 1
expect_eq "$(docker ps -q --filter "name=$N" --filter health=healthy)" ""
docker exec "$N" touch /well
eventually bash -c 'health healthy'
expect_contains "$(docker ps --filter "name=$N")" "(healthy)"
expect_eq "$(inspect '{{.State.Health.FailingStreak}}' "$N")" 0
docker rm -f "$N"
