FROM alpine
WORKDIR /w
COPY a .
COPY b ./c/../d
COPY x y dir/
ADD --chown=1:2 --chmod=644 z /
