# Stock buildx: of a context that was sent before only what has changed comes again, and only what is read;
# what was sent is shown as disk usage, goes by pruning, and no build sees another one's files.
peers_ready
own_daemon
sent() { sed -n 's/.*transferring context: \([0-9.]*[kMG]*B\).* done.*/\1/p' out | tail -1; }
build() { bx build --progress plain -t "$N" "$@" "$PWD/context" >out 2>&1 || fail "$(cat out)"; }
file() { docker run --rm "$N" cat "$1"; }
age() { find context -exec touch -h -d '2 hours ago' {} +; }

mkdir -p context/d/sub
head -c 3000000 /dev/urandom >context/d/large
head -c 5000000 /dev/urandom >context/not-read
echo one >context/d/sub/f
ln context/d/sub/f context/d/link
cat >context/Dockerfile <<END
FROM $IMAGE AS first
COPY d /d
FROM first AS last
RUN find /d -type f -links +0 | wc -l >/count
END
age
build
expect_eq "$(sent)" 3.00MB
build
expect_not_contains "$(sent)" MB
expect_eq "$(file /d/sub/f)" one

# No step is cached, and what was sent still counts.
build --no-cache
expect_not_contains "$(sent)" MB
expect_not_contains "$(cat out)" CACHED
expect_eq "$(file /d/sub/f)" one

# In place; by another file of the same size and time; gone; another mode.
echo two >context/d/sub/f
build
expect_eq "$(file /d/sub/f) $(file /d/link)" 'two two'
expect_not_contains "$(sent)" MB
age
build
echo TWO >context/d/sub/new
touch -r context/d/sub/f context/d/sub/new
mv context/d/sub/new context/d/sub/f
build
expect_eq "$(file /d/sub/f)" TWO
expect_not_contains "$(sent)" MB
rm context/d/link
chmod 600 context/d/sub/f
build
expect_eq "$(file /count)" 2
expect_eq "$(docker run --rm "$N" stat -c %a /d/sub/f)" 600

# A daemon that is killed loses nothing of it, and trusts nothing that is not whole.
kill -KILL "$OWN_PID"
wait "$OWN_PID" || true
start_own_daemon
build
expect_not_contains "$(sent)" MB
expect_eq "$(file /d/sub/f)" TWO

# A build goes on with what it was sent, whatever another one is sent meanwhile.
cat >slow <<END
FROM $IMAGE
RUN --mount=target=/in --mount=type=cache,target=/gate until [ -e /gate/open ]; do sleep 0.1; done; cat /in/d/sub/f >/seen
END
cat >quick <<END
FROM $IMAGE
RUN --mount=target=/in --mount=type=cache,target=/gate cat /in/d/sub/f >/seen; [ "\$(cat /seen)" != after ] || touch /gate/open
END
bx build -q -f "$PWD/quick" -t "$N:quick" "$PWD/context" >/dev/null
bx build --progress plain -f "$PWD/slow" -t "$N:slow" "$PWD/context" >slow.log 2>&1 &
slow=$!
eventually grep -q '\[stage-0 2/2\] RUN' slow.log
echo after >context/d/sub/f
bx build -q -f "$PWD/quick" -t "$N:quick" "$PWD/context" >/dev/null
wait $slow || fail "$(cat slow.log)"
expect_eq "$(docker run --rm "$N:slow" cat /seen) $(docker run --rm "$N:quick" cat /seen)" 'TWO after'

expect_contains "$(bx du --verbose)" source.local
bx prune -f --filter type=source.local >/dev/null
expect_not_contains "$(bx du --verbose)" source.local
expect_contains "$(bx du --verbose)" regular
build
expect_eq "$(sent)" 3.00MB
