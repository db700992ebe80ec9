# A flag of skiffd or skiff-registry with a bad value: one message that names it, exit code 2, nothing made.
judged() {  # MESSAGE PROGRAM FLAG...
  local message=$1 program=$2
  shift 2
  expect_exit 2 timeout 60 "$SKIFF_BIN/$program" "$@"
  expect_eq "$(wc -l <<<"$OUT")" 2 "$OUT"
  expect_contains "$OUT" "$program: $message"
}
skiffd() { judged "$1" skiffd --root "$PWD/root" --run-dir "$PWD/run" --socket "$PWD/s" "${@:2}"; }
skiffd '--bridge: "sixteen-letters-x" is longer' --bridge sixteen-letters-x
skiffd '--bridge: "a/b" is no name' --bridge a/b
skiffd '--subnet: invalid IPv4 subnet' --subnet 10.0.0.0/33
skiffd '--subnet: ' --subnet 10.0.0.0/32
skiffd '--cgroup-parent: "../../x"' --cgroup-parent ../../x
skiffd '--storage-driver: "x"' --storage-driver x
skiffd '--emulation: "x" is neither' --emulation x
skiffd "--log-driver: logger: no log driver named 'x'" --log-driver x
skiffd "--log-opt: unknown log opt 'x' for json-file" --log-opt x=1
skiffd '--log-opt: "x" is not of the form' --log-opt x
skiffd '--log-level: ' --log-level x
skiffd "--storage-limit: invalid suffix: 'q'" --storage-limit 5q
skiffd '--layer-limit: 0 fits nothing' --layer-limit 0
skiffd '--layer-ratio: ' --layer-ratio x
skiffd "--scrub-rate: invalid size: '-1'" --scrub-rate=-1
skiffd '--socket: ' --socket "$(printf 'x%.0s' $(seq 120))"
skiffd '--registry: ":99999" is not of the form' --registry :99999
skiffd '--registry-htpasswd: ' --registry :0 --registry-htpasswd none
skiffd '--registry-tls-key: ' --registry :0 --registry-tls-cert /etc/passwd --registry-tls-key none
skiffd '--registry-metrics-listen: "x" is not of the form' --registry :0 --registry-plain-http --registry-metrics-listen x
skiffd 'invalid value for --registry-tls-client-auth: "x"' --registry :0 --registry-tls-client-auth x
skiffd 'invalid value for --registry-public-url: "x"' --registry :0 --registry-public-url x
skiffd 'the flags --registry-... need --registry' --registry-access-log x
registry() { judged "$1" skiff-registry serve --root "$PWD/root" "${@:2}"; }
registry '--listen: "5" is not of the form' --listen 5
registry 'invalid value for --gc-grace: ' --gc-grace=-1
registry '--log-level: ' --log-level x
registry '--htpasswd: ' --htpasswd none
registry "--scrub-rate: invalid suffix: 'z'" --scrub-rate 1z
expect_eq "$(ls)" "" "something was made"
