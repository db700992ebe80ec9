# syntax=example.com/mine:1
FROM scratch
LABEL a=b
