FROM busybox
RUN -- --help
RUN --network=none wget x
