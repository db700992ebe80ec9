# CVE-2024-40635, CVE-2026-46680, CVE-2026-30892: what is no number of a user is never root, in run,
# exec and build; numbers are not cut to 32 bits.
mkdir -p files/etc
cat >files/etc/passwd <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:app:/home:/bin/sh
0x0:x:1001:1001:hex:/:/bin/sh
+0:x:1002:1002:plus:/:/bin/sh
4294967296:x:1003:1003:large:/:/bin/sh
1234:x:1004:1004:numeric:/:/bin/sh
toolarge:x:4294967296:0:root again:/:/bin/sh
negative:x:-1:-1:root again:/:/bin/sh
empty:x:::nothing:/:/bin/sh
blank:x: 0: 0:blank:/:/bin/sh
hex:x:0x0:0x0:hex:/:/bin/sh
short:x:0
PASSWD
cat >files/etc/group <<'GROUP'
root:x:0:
app:x:1000:
toolarge:x:4294967296:app
hex:x:0x0:app
GROUP
mkdir -p empty/etc
: >empty/etc/passwd
: >empty/etc/group
image "$N" files
image "$N:none" empty
docker run -d --name "$N" "$N" sleep 1000 >/dev/null
# who COMMAND...: the number of the user and the groups it runs with, or "refused".
who() { OUT=$("$@" sh -c 'echo "$(id -u) $(id -G)"' 2>/dev/null) && echo "$OUT" || echo refused; }
# expect_user STRING EXPECTED: run, exec and build agree.
expect_user() {
  local user=$1 want=$2
  expect_eq "$(who docker run --rm -u "$user" "$N")" "$want" "run -u '$user'"
  expect_eq "$(who docker exec -u "$user" "$N")" "$want" "exec -u '$user'"
  printf 'FROM %s\nUSER "%s"\nRUN echo "got=$(id -u) $(id -G)"\n' "$N" "$user" >Dockerfile
  OUT=$(docker build --no-cache . 2>&1 | sed -n 's/^got=//p')
  expect_eq "${OUT:-refused}" "$want" "USER \"$user\""
}
expect_user app "1000 1000"
expect_user 1000 "1000 1000"
expect_user 2147483647 "2147483647 0"
expect_user 1001:0 "1001 0"
for user in 2147483648 4294967295 18446744073709551616 99999999999999999999999 -1 -0 00x 0x1 1e3 "1 0" \
  "0 " " 0" 0.0 root: :root nobody-here toolarge negative empty blank hex short app:nobody-here app:toolarge app:hex \
  1000:4294967296 1000:-1 1000:0x0 "root
0"; do
  got=$(who docker run --rm -u "$user" "$N")
  case "$user" in
    root: | :root) expect_eq "$got" "0 0" "run -u '$user'" ;;
    *) expect_eq "$got" refused "run -u '$user'" ;;
  esac
  expect_eq "$(who docker exec -u "$user" "$N")" "$got" "exec -u '$user'"
done
# A name of the file that looks like a number of root's is that name, and nobody else.
expect_user 0x0 "1001 1001"
expect_user +0 "1002 1002"
expect_user 4294967296 "1003 1003"
for user in 0x0 +0 4294967296; do
  expect_eq "$(who docker run --rm -u "$user" "$N:none")" refused "run -u '$user' without a file"
done
# The image's own word is no better.
printf 'FROM %s\nUSER 4294967296:4294967296\n' "$N:none" >Dockerfile
docker build -q -t "$N:large" . >/dev/null
expect_eq "$(who docker run --rm "$N:large")" refused
docker rm -f "$N" >/dev/null
