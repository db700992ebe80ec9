sock=${DOCKER_HOST#unix://}
api() { curl -s --unix-socket "$sock" "$@"; }
expect_contains "$(api -D - -o /dev/null http://x/_ping)" "Api-Version: 1.5"
expect_eq "$(api http://x/_ping)" OK
expect_eq "$(api -o /dev/null -w '%{http_code}' http://x/no/such)" 404
expect_contains "$(api http://x/v9.99/version)" "is too new"
expect_contains "$(api http://x/v1.5/version)" "is too old"
expect_eq "$(api -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: text/plain' -d '{}' http://x/containers/create)" 400
expect_contains "$(api -X POST -H 'Content-Type: application/json' -d '{bad' http://x/containers/create)" message
expect_eq "$(stat -c %a "$sock")" 660
