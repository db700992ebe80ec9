FROM alpine
ARG PORTS="80 443/udp"
EXPOSE $PORTS 8000-8002 127.0.0.1:1:2/tcp
VOLUME /b /a
VOLUME ["/c d", "/a"]
