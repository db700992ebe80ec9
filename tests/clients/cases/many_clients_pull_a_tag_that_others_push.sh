needs skopeo
for n in 1 2 3 4; do layout "image$n" "$N-$n"; done
skopeo copy -q --all oci:image1:multi "docker://$REGISTRY/$N:moving"
pids=()
for n in 1 2 3 4 1 2 3 4; do skopeo copy -q --all "oci:image$n:multi" "docker://$REGISTRY/$N:moving" & pids+=($!); done
for n in $(seq 8); do skopeo copy -q --all "docker://$REGISTRY/$N:moving" "dir:back$n" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; done
