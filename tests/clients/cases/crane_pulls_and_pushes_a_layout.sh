needs crane
push_sample
crane pull --format oci "$REGISTRY/$N:1" there
crane push --index there "$REGISTRY/$N:back"
expect_contains "$(crane manifest "$REGISTRY/$N:back")" '"manifests"'
