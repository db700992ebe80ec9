needs skopeo
pids=()
for n in $(seq 12); do
  layout "image$n" "$N-$n"
  skopeo copy -q --all "oci:image$n:multi" "docker://$REGISTRY/$N:t$n" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
for n in $(seq 12); do skopeo copy -q --all "docker://$REGISTRY/$N:t$n" "dir:back$n"; done
