# check=skip=all;error=true
# syntax=docker/dockerfile:1
FROM a
