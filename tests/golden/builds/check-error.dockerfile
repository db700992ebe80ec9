# check=error=true
FROM scratch
LABEL a b
CMD c
