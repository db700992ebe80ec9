#: arg TAG=scratch
ARG TAG
FROM $TAG
LABEL a=b
