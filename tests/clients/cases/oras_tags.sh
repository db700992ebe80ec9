needs oras
push_sample
oras tag --plain-http "$REGISTRY/$N:1" two three
expect_eq "$(oras repo tags --plain-http "$REGISTRY/$N" | xargs)" "1 three two"
expect_eq "$(oras resolve --plain-http "$REGISTRY/$N:three")" "$(sample_digest)"
