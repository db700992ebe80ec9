#: arg BUILDKIT_SYNTAX=example.com/mine:2
# syntax=docker/dockerfile:1
FROM scratch
LABEL a=b
