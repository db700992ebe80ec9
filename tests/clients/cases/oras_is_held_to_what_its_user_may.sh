needs oras
own_registry
accounts
echo text >text
enter() { oras login --plain-http -u "$1" -p secret-1 "$REGISTRY"; }
leave() { oras logout "$REGISTRY"; }
push() { oras push --plain-http "$1" text; }
pull() { oras pull --plain-http -o got "$1"; }
who_may_what
expect_exit 1 oras login --plain-http -u ana -p wrong "$REGISTRY"
