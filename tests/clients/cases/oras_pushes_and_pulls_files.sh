needs oras
echo some text >text
echo more >more
oras push --plain-http "$REGISTRY/$N:1" text:text/plain more
mkdir back
oras pull --plain-http -o back "$REGISTRY/$N:1"
diff text back/text
diff more back/more
