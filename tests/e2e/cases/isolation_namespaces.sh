for ns in mnt pid uts ipc net; do
  inside=$(docker run --rm "$IMAGE" readlink /proc/self/ns/$ns)
  [ "$inside" != "$(readlink /proc/self/ns/$ns)" ] || fail "shares the host's $ns namespace"
done
