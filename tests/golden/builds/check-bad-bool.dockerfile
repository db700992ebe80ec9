# check=error=perhaps
FROM scratch
LABEL a b
