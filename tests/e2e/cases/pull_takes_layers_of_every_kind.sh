# Layers that are plain tars, gzip of one member and of several, zstd, and foreign ones, which the
# registry has not got: pulled, run, pushed on and pulled again; each is told from its start to its end.
command -v zstd >/dev/null || skip "no zstd: install it"
mkdir web
layer() { # NAME: a tar with the file NAME, of a name and 300 kB that no compression makes smaller
  mkdir "$1.d"
  { echo "$1"; head -c 300000 /dev/urandom; } > "$1.d/$1"
  tar -C "$1.d" --owner=0 --group=0 -cf "$1.tar" "$1"
}
for name in plain gzip members zstd foreign; do layer $name; done
cp "$BASE_TAR" base.tar
cp plain.tar plain.blob
gzip -c base.tar > base.blob
gzip -c gzip.tar > gzip.blob
{ head -c 100000 members.tar | gzip; dd if=members.tar bs=1000 skip=100 count=1 status=none | gzip -1; tail -c +101001 members.tar | gzip -9; } > members.blob
zstd -q -c zstd.tar > zstd.blob
gzip -c foreign.tar > foreign.blob
hash_of() { sha256sum "$1" | cut -d' ' -f1; }
cp foreign.blob "web/$(hash_of foreign.blob)"

# Where the foreign layer is.
python3 -u -m http.server -d web --bind 127.0.0.1 0 > web.log 2>&1 & web=$!
trap 'kill $web' EXIT
port_told() { grep -q 'port [0-9]' web.log; }
eventually port_told
elsewhere=http://127.0.0.1:$(grep -oE 'port [0-9]+' web.log | head -1 | cut -d' ' -f2)

put_blob() { # FILE
  local to
  to=$(curl -fsS -X POST -D - -o /dev/null "http://$REGISTRY/v2/$N/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  case $to in /*) to=http://$REGISTRY$to ;; esac
  case $to in *\?*) to=$to\& ;; *) to=$to\? ;; esac
  curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" "${to}digest=sha256:$(hash_of "$1")"
}
names=(base plain gzip members zstd foreign)
kinds=(tar+gzip tar tar+gzip tar+gzip tar+zstd tar+gzip)
layers=() diffs=()
for i in "${!names[@]}"; do
  name=${names[i]}
  type=application/vnd.oci.image.layer.v1.${kinds[i]} urls=
  if [ "$name" = foreign ]; then
    type=application/vnd.oci.image.layer.nondistributable.v1.tar+gzip
    urls=",\"urls\":[\"$elsewhere/$(hash_of foreign.blob)\"]"
  else
    put_blob $name.blob
  fi
  layers+=("{\"mediaType\":\"$type\",\"digest\":\"sha256:$(hash_of $name.blob)\",\"size\":$(stat -c %s $name.blob)$urls}")
  diffs+=("\"sha256:$(hash_of $name.tar)\"")
done
joined() { local IFS=,; echo "$*"; }
architecture=$(docker version -f '{{.Server.Arch}}')
printf '{"architecture":"%s","os":"linux","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
  "$architecture" "$(joined "${diffs[@]}")" > config
put_blob config
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' \
  "$(hash_of config)" "$(stat -c %s config)" "$(joined "${layers[@]}")" > manifest
curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @manifest \
  "http://$REGISTRY/v2/$N/manifests/1"

expect_all_run() { # IMAGE
  local name
  for name in plain gzip members zstd foreign; do
    docker run --rm "$1" cat "/$name" > got
    cmp got $name.d/$name
  done
}

# As the docker client sees it: each layer is downloaded, unpacked and done, with its size as the total.
curl -fsS --unix-socket "${DOCKER_HOST#unix://}" -X POST "http://x/images/create?fromImage=$REGISTRY/$N&tag=1" > stream
for name in "${names[@]}"; do
  id=$(hash_of $name.blob | head -c 12) size=$(stat -c %s $name.blob)
  of_layer() { jq -r "select(.id == \"$id\") | $1" stream; }
  # That one is unpacked here, from other bytes or from these.
  if [ $name = base ]; then
    expect_contains "Already exists Pull complete" "$(of_layer .status | tail -1)"
    continue
  fi
  expect_eq "$(of_layer .status | grep -v Waiting | uniq | paste -sd,)" \
    "Pulling fs layer,Downloading,Verifying Checksum,Download complete,Extracting,Pull complete" $name
  for status in Downloading Extracting; do
    expect_eq "$(of_layer "select(.status == \"$status\").progressDetail.total" | sort -u)" "$size" "$name: $status"
    expect_eq "$(of_layer "select(.status == \"$status\").progressDetail.current" | sort -n | tail -1)" "$size" "$name: $status"
  done
done
expect_eq "$(grep -c "GET /$(hash_of foreign.blob)" web.log)" 1
expect_all_run "$REGISTRY/$N:1"

# The foreign layer is not pushed: who pulls gets it from where it is.
docker tag "$REGISTRY/$N:1" "$REGISTRY/$N/on:1"
docker push -q "$REGISTRY/$N/on:1" >/dev/null
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/$N/on/blobs/sha256:$(hash_of foreign.blob)")" 404
docker rmi "$REGISTRY/$N:1" "$REGISTRY/$N/on:1" >/dev/null
docker pull -q "$REGISTRY/$N/on:1" >/dev/null
expect_eq "$(grep -c "GET /$(hash_of foreign.blob)" web.log)" 2
expect_all_run "$REGISTRY/$N/on:1"
docker rmi "$REGISTRY/$N/on:1" >/dev/null
