needs skopeo
push_sample
for platform in amd64 arm64; do
  skopeo copy -q --override-arch $platform "docker://$REGISTRY/$N:1" dir:$platform
  expect_contains "$(cat $platform/*)" "\"architecture\": \"$platform\""
done
