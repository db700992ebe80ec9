docker tag "$IMAGE" "$REGISTRY/$N:1"
docker push "$REGISTRY/$N:1" >/dev/null
printf 'FROM %s\nRUN echo new > /new\n' "$IMAGE" > Dockerfile
docker build -q -t "$REGISTRY/$N:2" . >/dev/null
got=$(docker push "$REGISTRY/$N:2")
expect_eq "$(grep -c 'Layer already exists' <<<"$got")" 1
expect_eq "$(grep -c ': Pushed' <<<"$got")" 1
docker rmi "$REGISTRY/$N:1" "$REGISTRY/$N:2"
