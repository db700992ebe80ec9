FROM alpine
SHELL ["/bin/bash", "-ec"]
RUN a && b
RUN ["a", "$b"]
USER app:extra
WORKDIR sub
RUN --network=none c
