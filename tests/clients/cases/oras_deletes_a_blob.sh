needs oras
echo blob >blob
digest=sha256:$(sha256sum blob | cut -d' ' -f1)
oras blob push --plain-http "$REGISTRY/$N@$digest" blob
oras blob delete --plain-http --force "$REGISTRY/$N@$digest"
expect_exit 1 oras blob fetch --plain-http -o back "$REGISTRY/$N@$digest"
