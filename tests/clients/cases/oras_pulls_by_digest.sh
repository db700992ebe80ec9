needs oras
echo some text >text
echo more >more
oras push --plain-http "$REGISTRY/$N:1" text
oras pull --plain-http -o back "$REGISTRY/$N@$(oras resolve --plain-http "$REGISTRY/$N:1")"
diff text back/text
