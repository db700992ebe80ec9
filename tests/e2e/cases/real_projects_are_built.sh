# Small projects in the manner of popular images: tests/real, those that need nothing but busybox.
. "$SKIFF_TESTS/../real/lib.sh"
failed=()
for project in "$REAL"/*/; do
  name=$(basename "$project")
  case $name in debian-*) continue ;; esac
  (real_build "$name" "$IMAGE") || failed+=("$name")
done
[ ${#failed[@]} = 0 ] || fail "${failed[*]}"
