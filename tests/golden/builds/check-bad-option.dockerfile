# check=skipp=all
FROM scratch
LABEL a b
