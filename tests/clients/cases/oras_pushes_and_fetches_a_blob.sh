needs oras
head -c 300000 /dev/urandom >blob
digest=sha256:$(sha256sum blob | cut -d' ' -f1)
oras blob push --plain-http "$REGISTRY/$N@$digest" blob
oras blob fetch --plain-http -o back "$REGISTRY/$N@$digest"
cmp blob back
expect_eq "$(oras blob fetch --plain-http --descriptor "$REGISTRY/$N@$digest" | jq .size)" 300000
