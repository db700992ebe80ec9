got=$(docker run --rm "$IMAGE" sh -c 'for p in /proc/[0-9]*; do echo ${p#/proc/}; done | sort -n | head -1; ps | wc -l')
expect_eq "$(head -1 <<<"$got")" 1
[ "$(tail -1 <<<"$got")" -le 6 ] || fail "sees foreign processes: $got"
