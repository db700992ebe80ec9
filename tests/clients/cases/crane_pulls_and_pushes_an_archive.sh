needs crane
push_sample
crane pull --platform linux/amd64 "$REGISTRY/$N:1" image.tar
crane push image.tar "$REGISTRY/$N:back"
crane validate --remote "$REGISTRY/$N:back"
