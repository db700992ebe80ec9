# What `cp` makes of source and destination, by Docker's rules, with its client and ours; and a refused archive.
mkdir -p dir/sub
echo new >file
echo new >dir/sub/a
ln -s file link
docker run -d --name "$N" "$IMAGE" sleep 1000 >/dev/null
cp_of() { if [ "$client" = docker ]; then docker cp -q "$@"; else "$SKIFF_BIN/skiff" -H "$DOCKER_HOST" cp -q "$@"; fi; }
tree() { docker exec "$N" sh -c 'cd /t; find . -mindepth 1 ! -name old | sort' | tr '\n' ' '; }
here() { (cd h; find . -mindepth 1 ! -name old | sort) | tr '\n' ' '; }
into() {  # SOURCE TARGET TREE, "" where it is refused
  docker exec "$N" sh -c 'rm -rf /t; mkdir -p /t/dir; touch /t/old /t/dir/old; ln -s dir /t/ldir; ln -s old /t/lold'
  local want=0
  [ -n "$3" ] || want=1
  expect_exit $want cp_of "$1" "$N:/t/$2"
  expect_eq "$(tree)" "${3:-./dir ./ldir ./lold }" "$client cp $1 $2: $OUT"
}
out() {
  rm -rf h
  mkdir -p h/dir
  touch h/old h/dir/old
  ln -s dir h/ldir
  ln -s old h/lold
  local want=0
  [ -n "$3" ] || want=1
  expect_exit $want cp_of ${4:-} "$N:/s/$1" "h/$2"
  expect_eq "$(here)" "${3:-./dir ./ldir ./lold }" "$client cp out $1 $2: $OUT"
}
docker exec "$N" sh -c 'mkdir -p /s/dir/sub; echo new >/s/file; echo new >/s/dir/sub/a; ln -s dir /s/ldir'
for client in docker skiff; do
  into file new './dir ./ldir ./lold ./new '
  into file new/ ''
  [ "$client" = docker ] || expect_contains "$OUT" "/t/new/: no such directory"
  into file old './dir ./ldir ./lold '
  into file old/ ''
  into file old/. ''
  [ "$client" = docker ] || expect_contains "$OUT" "/t/old/.: "
  into file/ new ''
  into file/. dir ''
  into file dir './dir ./dir/file ./ldir ./lold '
  into file ldir/ './dir ./dir/file ./ldir ./lold '
  into file lold/ ''
  [ "$client" = docker ] || expect_contains "$OUT" "/t/lold/: "
  into file no/way ''
  into dir new './dir ./ldir ./lold ./new ./new/sub ./new/sub/a '
  into dir old ''
  [ "$client" = docker ] || expect_contains "$OUT" "cannot copy directory: /t/old is a file"
  into dir dir './dir ./dir/dir ./dir/dir/sub ./dir/dir/sub/a ./ldir ./lold '
  into dir/. dir './dir ./dir/sub ./dir/sub/a ./ldir ./lold '
  out file new './dir ./ldir ./lold ./new '
  out file new/ ''
  out file old/ ''
  out file old/. ''
  out file/ new ''
  out file lold './dir ./ldir ./lold '
  expect_eq "$(cat h/old) $(readlink h/lold)" 'new old' "$client follows a link"
  out dir old ''
  out dir old/ ''
  out dir lold/ ''
  out dir new './dir ./ldir ./lold ./new ./new/sub ./new/sub/a '
  out dir/. dir './dir ./dir/sub ./dir/sub/a ./ldir ./lold '
  out ldir dir './dir ./dir/ldir ./dir/ldir/sub ./dir/ldir/sub/a ./ldir ./lold ' -L

  # The second entry leads out, or the archive ends within it: the first is not there either.
  mkdir -p in
  echo x >in/first
  tar -cPf bad.tar -C in first ../file
  docker exec "$N" sh -c 'rm -rf /t; mkdir -p /t'
  expect_exit 1 cp_of - "$N:/t" <bad.tar
  expect_contains "$OUT" 'outside of the target'
  expect_eq "$(tree)" ''
  head -c 1500 bad.tar >cut.tar
  expect_exit 1 cp_of - "$N:/t" <cut.tar
  expect_eq "$(tree)" ''
done
docker rm -f "$N" >/dev/null
