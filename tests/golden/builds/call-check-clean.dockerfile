#: call check
FROM scratch
LABEL a=b
