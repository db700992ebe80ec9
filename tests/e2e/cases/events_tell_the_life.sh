since=$(date +%s)
docker run --rm --name "$N" --label "case=$N" "$IMAGE" true
got=$(docker events --since "$since" --until "$(($(date +%s) + 1))" --filter "label=case=$N" --format '{{.Action}}' | tr '\n' ' ')
for action in create start die destroy; do expect_contains "$got" $action; done
