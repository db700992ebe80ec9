FROM alpine AS busybox
FROM busybox
RUN a
