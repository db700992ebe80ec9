# CVE-2022-24769, CVE-2022-29162, CVE-2022-27649, CVE-2022-27650, CVE-2022-27651: no inheritable or
# ambient capability, in run, exec and build, with and without more of them.
# CVE-2022-36109, CVE-2022-2990, CVE-2023-25173: supplementary groups are those that were asked for.
show='grep -E "^(Cap(Inh|Amb)|Groups):" /proc/self/status'
none='CapInh:	0000000000000000
CapAmb:	0000000000000000'
docker run -d --name "$N" "$IMAGE" sleep 1000 >/dev/null
docker run -d --name "$N-priv" --privileged "$IMAGE" sleep 1000 >/dev/null
for command in "docker run --rm $IMAGE" "docker run --rm -u app $IMAGE" "docker run --rm --privileged $IMAGE" \
  "docker run --rm --cap-add ALL -u app $IMAGE" "docker run --rm --init $IMAGE" "docker exec $N" "docker exec -u app $N" \
  "docker exec --privileged $N" "docker exec --privileged -u app $N" "docker exec $N-priv" "docker exec -u app $N-priv"; do
  expect_eq "$($command sh -c "$show" | grep Cap)" "$none" "$command"
done
printf 'FROM %s\nRUN %s\nUSER app\nRUN %s\n' "$IMAGE" "$show" "$show" >Dockerfile
docker build --no-cache . >built 2>&1
expect_eq "$(grep ^Cap built | sort -u)" "CapAmb:	0000000000000000
CapInh:	0000000000000000"
expect_eq "$(docker run --rm "$IMAGE" sed -n 's/^CapBnd:	//p' /proc/self/status)" 00000000a80425fb
expect_eq "$(docker run --rm -u app "$IMAGE" sed -n 's/^CapEff:	//p' /proc/self/status)" 0000000000000000
expect_eq "$(docker exec -u app "$N-priv" sed -n 's/^CapPrm:	//p' /proc/self/status)" 0000000000000000

# FORM=GROUPS: busybox's app is 1000:1000 and a member of extra, 2000.
for row in "=0" "root=0" "app=1000 2000" "1000=1000 2000" "app:app=1000" "app:extra=2000" "app:0=0" "app:daemon=1" \
  "1000:2000=2000" "1234=0" "1234:55=55" "daemon=1"; do
  form=${row%%=*}
  expect_eq "$(docker run --rm ${form:+-u $form} "$IMAGE" id -G)" "${row#*=}" "run -u $form"
  expect_eq "$(docker exec ${form:+-u $form} "$N" id -G)" "${row#*=}" "exec -u $form"
  printf 'FROM %s\n%s\nRUN echo "groups=$(id -G)"\n' "$IMAGE" "${form:+USER $form}" >Dockerfile
  expect_eq "$(docker build --no-cache . 2>/dev/null | sed -n 's/^groups=//p')" "${row#*=}" "USER $form"
done
expect_eq "$(docker run --rm -u app --group-add 77 --group-add daemon "$IMAGE" id -G)" "1000 1 77 2000"
docker rm -f "$N" "$N-priv" >/dev/null
