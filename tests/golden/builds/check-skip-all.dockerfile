# check=skip=all
FROM scratch AS X
CMD run it
LABEL a b
