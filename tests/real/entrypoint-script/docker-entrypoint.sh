#!/bin/sh
set -eu
if [ "$1" = serve ]; then
  echo "$GREETING, $NAME"
  exit 0
fi
exec "$@"
