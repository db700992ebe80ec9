docker run -d -i --name "$N" "$IMAGE" cat
printf 'through attach\n' | docker attach "$N" > out
expect_eq "$(cat out)" "through attach"
eventually eval '[ "$(inspect "{{.State.Running}}" "$N")" = false ]'
docker rm "$N"
