FROM busybox
RUN --network=mynet true
