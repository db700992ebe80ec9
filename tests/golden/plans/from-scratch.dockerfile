FROM scratch
LABEL a=b
WORKDIR /
