needs dockerd docker
[ "$JUDGED" = skiff-registry ] || skip "$JUDGED has no accounts"
cat >script <<'END'
accounts
docker import base.tar box:1 >/dev/null
enter() { docker login -u "$1" -p secret-1 "$REGISTRY"; }
leave() { docker logout "$REGISTRY"; }
push() { docker tag box:1 "$1"; docker push -q "$1"; local code=$?; docker rmi "$1"; return $code; }
pull() { docker pull -q "$1" && docker rmi "$1"; }
who_may_what
expect_exit 1 docker login -u ana -p wrong "$REGISTRY"
echo all as it should be
END
with_dockerd script tls
expect_contains "$OUT" "all as it should be"
