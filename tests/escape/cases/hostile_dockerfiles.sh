# CVE-2024-23650 to CVE-2024-23653, CVE-2024-1753, CVE-2024-9407, CVE-2024-9675, CVE-2024-11218, CVE-2022-4122,
# CVE-2022-4123, CVE-2025-4953, CVE-2026-33747: Dockerfiles whose sources, targets and mounts lead out of the context or the image.
# Each is refused or harmless; the daemon lives.
mkdir -p context/sub
ln -s "$SENTINEL/secret" context/link
ln -s "$SENTINEL" context/directory
ln -s "../../../../../../../..$SENTINEL" context/relative
ln -s "$SENTINEL" context/sub/directory
echo own >context/own
up=../../../../../../../..
mkdir -p files
ln -s "$SENTINEL" files/out
ln -s "$up$SENTINEL" files/relative
image "$N" files
try() {
  { echo "FROM $N"; cat; } >context/Dockerfile
  expect_no_secret skiff build --no-cache context
  skiff version >/dev/null || fail "the daemon is gone after: $(cat context/Dockerfile)"
}
see='RUN cat /got /got/secret /got/directory/inner/file'
for source in link directory/ directory/secret relative/secret sub/directory/secret ../sentinel/secret "$up$SENTINEL/secret" \
  "sub/../../sentinel/secret" "*/secret" "di*/secret" . sub; do
  try <<<"COPY $source /got"$'\n'"$see"
  try <<<"ADD $source /got"$'\n'"$see"
done
for target in /out/made /out/directory/inner/file /relative/made /out "$up$SENTINEL/made" /out/new/deep/; do
  try <<<"COPY own $target"
  try <<<"ADD own $target"
  try <<<"WORKDIR $target"$'\n''RUN touch made; ls'
  try <<<"VOLUME $target"$'\n''RUN ls '"$target"
done
# Between stages and images.
try <<<'RUN ln -s '"$SENTINEL"$' /stage\nFROM '"$N"$'\nCOPY --from=0 /stage/secret /got\n'"$see"
try <<<"COPY --from=$N /out/secret /got"$'\n'"$see"
try <<<"COPY --from=$N /relative/. /got/"$'\n'"$see"
try <<<"COPY --from=../../../../$SENTINEL secret /got"$'\n'"$see"
# Mounts of RUN.
for mount in "type=bind,source=$up$SENTINEL,target=/m" "type=bind,source=directory,target=/m" "type=bind,source=relative,target=/m" \
  "type=bind,from=$N,source=/out,target=/m" "type=bind,source=own,target=/out/made" "type=cache,target=/out/cache" \
  "type=cache,id=$up$SENTINEL,target=/m" "type=cache,source=$up$SENTINEL,target=/m" "type=cache,id=../x,from=$N,source=/out,target=/m" \
  "type=tmpfs,target=/out/t" "type=secret,id=x,src=$SENTINEL/secret,target=/m" "type=ssh,target=/out/s" \
  "type=bind,source=/,target=/m,rw" "type=bind,source=.,target=/proc" "type=bind,source=own,target=/dev/null,propagation=shared" \
  "type=cache,target=/relative/cache" "type=cache,target=/m/../../../..$SENTINEL" "type=cache,target=/proc/self/fd" "type=cache,target=/proc/sys" \
  "type=tmpfs,target=/proc/self/attr" "type=tmpfs,target=$up$SENTINEL" "type=secret,id=x,target=/out/secret" "type=secret,id=../../x,target=/m" \
  "type=bind,from=0,source=/stage,target=/m" "type=bind,from=0,source=/stage/../../secret,target=/m" "type=bind,source=directory/inner,target=/m,rw"; do
  try <<<"RUN --mount=$mount cat /m/secret /m; touch /m/made /out/made"
done
# A cache that two builds would share, with links that one swaps while the other mounts.
try <<<'RUN --mount=type=cache,id=shared,target=/cache ln -sfn '"$SENTINEL"' /cache/inner; ln -sfn / /cache/root'
try <<<'RUN --mount=type=cache,id=shared,target=/cache --mount=type=cache,id=other,target=/cache/inner touch /cache/inner/made'
try <<<'RUN --mount=type=cache,id=shared,target=/cache cat /cache/inner/secret /cache/root/sentinel/secret; touch /cache/inner/made'
try <<<'RUN --mount=type=cache,id=shared,target=/c --mount=type=bind,source=own,target=/c/inner/made true'
# Steps side by side: one swaps a directory of their shared cache for a link while others mount there.
with_probe "$N-probe"
cache='--mount=type=cache,id=race,target=/c'
printf 'FROM %s\nRUN %s cd /c && rm -f done && mkdir -p place && ln -sfn %s link && { /probe swap place link & } && touch ready \\\n  && while [ ! -e done ]; do sleep 0.1; done\n' \
  "$N-probe" "$cache" "$SENTINEL/empty" >swapping
skiff build --no-cache -f swapping context >swapping.log 2>&1 &
swapping=$!
skiff build --no-cache - <<<"FROM $IMAGE"$'\n'"RUN $cache while [ ! -e /c/ready ]; do sleep 0.1; done" >/dev/null 2>&1
for round in $(seq $((ROUNDS / 20))); do
  try <<<"RUN $cache --mount=type=tmpfs,target=/c/place/t --mount=type=cache,id=inner,target=/c/place/m touch /c/place/t/made /c/place/m/made; ls /c/place/../secret"
done
skiff build --no-cache - <<<"FROM $IMAGE"$'\n'"RUN $cache touch /c/done" >/dev/null 2>&1
wait $swapping || fail "nothing was swapped: $(cat swapping.log)"
unharmed "steps that race"
# What is written to a context that is mounted stays nowhere: not in it, not in the next step.
try <<<'RUN --mount=type=bind,source=.,target=/m,rw echo lost >/m/lost && rm -rf /m/sub'$'\n''COPY . /got'$'\n''RUN ! test -e /got/lost && test -e /got/sub'
expect_not_contains "$OUT" "exit code"
[ ! -e context/lost ] && [ -e context/sub ] || fail "the step wrote to its context"
# The host's paths are not told either.
try <<<'COPY sub/nothing /got'
expect_not_contains "$OUT" "$PWD"
try <<<'RUN --security=insecure grep CapEff /proc/self/status'
expect_contains "$OUT" "security.insecure is not allowed"
# What a step leaves in place of files of ours is gone, and nothing through it.
try <<<"RUN rm -rf /etc/resolv.conf /etc/hosts; ln -s $SENTINEL/secret /etc/hosts || true"$'\n''RUN echo x >>/etc/hosts; cat /etc/hosts'
try <<<'RUN rm -rf /tmp /dev/null; ln -s '"$SENTINEL"$' /tmp\nRUN touch /tmp/made; cat /tmp/secret'
# The Dockerfile and the ignore file themselves.
for file in link directory/secret "$SENTINEL/secret" ../sentinel/secret relative/secret; do
  tar -C context -cf context.tar .
  expect_no_secret docker build -f "$file" - <context.tar
done
ln -sf "$SENTINEL/secret" context/.dockerignore
try <<<'COPY . /got'$'\n'"$see"
rm context/.dockerignore
# Remote sources: a file of the host is none, and a name with a path is a name.
for source in "file://$SENTINEL/secret" "http://127.0.0.1:1/../../secret" "git@127.0.0.1:$up" "https://127.0.0.1:1/x.git#main:$up"; do
  try <<<"ADD $source /got"$'\n'"$see"
done
# What the parser and the solver might choke on.
for text in 'FROM' 'COPY --from=99 a b' 'COPY --from=-1 a b' 'RUN <<EOF' 'ONBUILD ONBUILD RUN true' 'HEALTHCHECK --interval=99999999999999h CMD x' \
  'EXPOSE 99999999999' 'USER ${X:-${X:-${X}}}' 'ARG a=${a}' 'ENV =x' 'SHELL []' 'COPY ["a"' 'WORKDIR' '# syntax=/proc/self/exe'; do
  try <<<"$text"
done
