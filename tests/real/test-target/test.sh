#!/bin/sh
set -e
test "$(./add.sh 2 3)" = 5
echo passed
