needs oras
echo some text >text
echo more >more
own_registry tls login
expect_exit 1 oras push --ca-file ca.pem "$REGISTRY/$N:1" text
echo secret-1 | oras login --ca-file ca.pem -u ana --password-stdin "$REGISTRY"
oras push --ca-file ca.pem "$REGISTRY/$N:1" text
oras pull --ca-file ca.pem -o back "$REGISTRY/$N:1"
diff text back/text
