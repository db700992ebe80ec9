# What a RUN that fails has left is an image, as long as it is among the last few.
skiff() { "$SKIFF_BIN/skiff" "$@"; }
own_daemon
mkdir ctx
printf 'FROM %s\nWORKDIR /w\nENV A=1\nRUN echo half > made && exit 7\n' "$IMAGE" > ctx/Dockerfile
expect_exit 7 skiff build ctx
command=$(grep -o 'skiff run -it --rm failed-step:[0-9a-f]* sh' <<<"$OUT")
name=$(grep -o 'failed-step:[0-9a-f]*' <<<"$command")
expect_eq "$(skiff run --rm "$name" sh -c 'pwd; cat made; echo $A')" "/w
half
1"
expect_exit 7 docker run --rm "$name"
for _ in 1 2 3; do expect_exit 7 skiff build --no-cache ctx; done
expect_eq "$(docker images -q failed-step | wc -l)" 3
skiff builder prune -af >/dev/null
expect_eq "$(docker images -q failed-step | wc -l)" 0
expect_exit 7 skiff build --force-rm ctx
expect_exit 7 docker build ctx
expect_eq "$(docker images -q failed-step | wc -l)" 0
