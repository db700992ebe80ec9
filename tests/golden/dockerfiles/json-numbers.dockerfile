FROM busybox
RUN ["x", 1]
