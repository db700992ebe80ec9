needs oras
mkdir -p tree/below
echo deep >tree/below/file
oras push --plain-http "$REGISTRY/$N:1" tree/
oras pull --plain-http -o back "$REGISTRY/$N:1"
expect_eq "$(cat back/tree/below/file)" deep
