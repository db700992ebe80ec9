FROM busybox
COPY --link a b
COPY --link=FALSE a b
COPY --link=maybe a b
