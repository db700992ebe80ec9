# Of outputs that are files attestations are files beside them, asked for by stock buildx or by skiff.
peers_ready
skiff() { "$SKIFF_BIN/skiff" "$@"; }
mkdir context
printf 'Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\n' >context/status
printf 'FROM scratch\nCOPY status /var/lib/dpkg/status\n' >context/Dockerfile
bx build -o type=local,dest="$PWD/plain" "$PWD/context" 2>/dev/null
expect_eq "$(ls plain)" var
bx build --provenance mode=max,version=v0.2 --sbom true -o type=local,dest="$PWD/out" "$PWD/context" >log 2>&1 || fail "$(cat log)"
expect_eq "$(ls out)" $'provenance.json\nsbom.spdx.json\nvar'
expect_eq "$(jq -r .predicateType out/provenance.json)" https://slsa.dev/provenance/v0.2
expect_eq "$(jq -r '.subject[] | .name + " " + .digest.sha256' out/provenance.json)" \
  "var/lib/dpkg/status $(sha256sum <context/status | cut -d ' ' -f 1)"
expect_eq "$(jq -r '.predicate.packages[].name' out/sbom.spdx.json)" bash
bx build --platform linux/amd64,linux/arm64 --provenance mode=min -o type=local,dest="$PWD/both",attestation-prefix=a- \
  "$PWD/context" >log 2>&1 || fail "$(cat log)"
expect_eq "$(ls both/linux_arm64)" $'a-provenance.json\nvar'
skiff build --provenance version=v1 --sbom true -o - context 2>/dev/null | tar -tf - >names
expect_contains "$(cat names)" provenance.json
expect_contains "$(cat names)" sbom.spdx.json
skiff build --provenance true -o own context >/dev/null
expect_eq "$(jq -r .predicateType own/provenance.json)" https://slsa.dev/provenance/v1
expect_exit 1 bx build --sbom generator=scanner "$PWD/context"
expect_contains "$OUT" 'generator "scanner" is not served'
expect_exit 125 skiff build --provenance version=v9 context
expect_exit 125 skiff build --provenance true --sbom version=v0.2 context
expect_contains "$OUT" 'a version is a field of provenance alone'
