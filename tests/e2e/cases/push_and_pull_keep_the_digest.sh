docker tag "$IMAGE" "$REGISTRY/$N:1"
digest=$(docker push "$REGISTRY/$N:1" | grep -oE 'sha256:[0-9a-f]{64}' | tail -1)
docker rmi "$REGISTRY/$N:1"
expect_contains "$(docker pull "$REGISTRY/$N:1")" "Digest: $digest"
# Other cases push the same image under names of their own.
expect_contains "$(docker image inspect -f '{{json .RepoDigests}}' "$REGISTRY/$N:1")" "\"$REGISTRY/$N@$digest\""
expect_eq "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/$N:1")" "$digest"
expect_contains "$(docker pull "$REGISTRY/$N:1")" "Image is up to date"
docker rmi "$REGISTRY/$N:1"
docker run --rm "$REGISTRY/$N@$digest" true
docker rmi "$REGISTRY/$N@$digest"
