# Of networks and volumes: names, options and labels are shown and kept by line.
socket=${DOCKER_HOST#unix://}
made() {
  curl -s --unix-socket "$socket" -H 'Content-Type: application/json' -w ' %{http_code}' -d "$2" "http://d/v1.51/$1/create"
}
refused() {
  expect_eq "$(made "$1" "$2" | tr -d "\n")" "{\"message\":\"$3\"} 400"
}
for kind in networks volumes; do
  refused $kind '{"Name":"a\u0000b"}' 'Name holds a NUL byte'
  refused $kind '{"Name":"a\nb"}' 'Name holds a control character'
  refused $kind "{\"Name\":\"$N\",\"Labels\":{\"a\":\"\\u001b[2J\"}}" 'Labels.a holds a control character'
  refused $kind "{\"Name\":\"$N\",\"Labels\":{\"a\":\"\\u0000\"}}" 'Labels.a holds a NUL byte'
  refused $kind "{\"Name\":\"$N\",\"Labels\":{\"a\\n\":\"\"}}" 'Labels holds a control character'
  expect_contains "$(made $kind "{\"Name\":\"$N\",\"Labels\":{\"a\":\"one\\n\\ttwo\"}}")" ' 201'
done
expect_eq "$(docker volume inspect -f '{{.Labels.a}}' "$N")" "$(printf 'one\n\ttwo')"
docker network rm "$N" >/dev/null
docker volume rm "$N" >/dev/null
refused networks "{\"Name\":\"$N\",\"Options\":{\"a\":\"\\u0000\"}}" 'Options.a holds a NUL byte'
refused networks "{\"Name\":\"$N\",\"Options\":{\"a\\u007f\":\"\"}}" 'Options holds a control character'
refused networks "{\"Name\":\"$N\",\"IPAM\":{\"Driver\":\"\\b\"}}" 'IPAM.Driver holds a control character'
refused volumes "{\"Name\":\"$N\",\"DriverOpts\":{\"o\":\"uid=1\\nx\"}}" 'DriverOpts.o holds a control character'
