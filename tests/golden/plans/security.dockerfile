FROM alpine
RUN --security=insecure --network=host make
