export DOCKER_CONFIG=$PWD/config
expect_contains "$(echo pw | docker login -u user --password-stdin "$REGISTRY" 2>&1)" "Login Succeeded"
docker logout "$REGISTRY"
expect_exit 1 docker login -u user -p pw 127.0.0.1:1
