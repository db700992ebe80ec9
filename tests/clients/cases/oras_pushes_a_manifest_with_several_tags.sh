needs oras
push_sample
oras manifest fetch --plain-http "$REGISTRY/$N:1" >manifest
oras manifest push --plain-http "$REGISTRY/$N:a,b,c" manifest
expect_eq "$(oras repo tags --plain-http "$REGISTRY/$N" | xargs)" "1 a b c"
