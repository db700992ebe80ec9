FROM busybox

RNU make
COPY a b
