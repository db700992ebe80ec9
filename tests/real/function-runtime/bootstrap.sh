#!/bin/sh
. "$TASK_ROOT/${1%%.*}.sh"
"${1#*.}"
