needs oras
push_sample
oras tag --plain-http "$REGISTRY/$N:1" two three
expect_eq "$(oras repo tags --plain-http --last three "$REGISTRY/$N" | xargs)" two
