needs skopeo
layout sample
pids=()
for n in $(seq 12); do skopeo copy -q --all oci:sample:multi "docker://$REGISTRY/$N:t$n" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; done
for n in $(seq 12); do expect_eq "$(digest_of "$REGISTRY/$N:t$n")" "$(sample_digest)"; done
