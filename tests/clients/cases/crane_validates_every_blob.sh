needs crane
push_sample
crane validate --remote "$REGISTRY/$N:1"
