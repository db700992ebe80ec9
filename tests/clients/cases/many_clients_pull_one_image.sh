needs skopeo
push_sample
pids=()
for n in $(seq 12); do skopeo copy -q --all "docker://$REGISTRY/$N:1" "oci:back$n:multi" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; done
for n in $(seq 12); do diff -r sample/blobs "back$n/blobs"; done
