needs crane
own_registry
accounts
enter() { crane auth login -u "$1" -p secret-1 "$REGISTRY"; }
leave() { crane auth logout "$REGISTRY"; }
# Another image each time: crane pushes nothing that is there already.
count=0
push() { layout "sample$((++count))" "$count"; crane push --index "sample$count" "$1"; }
pull() { rm -rf got; crane pull --format oci "$1" got; }
who_may_what
