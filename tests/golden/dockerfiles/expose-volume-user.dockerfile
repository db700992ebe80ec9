FROM busybox
EXPOSE 443 80/tcp $PORTS 53/udp
VOLUME /data /logs
USER app:staff
WORKDIR /a path with blanks
STOPSIGNAL SIGTERM
MAINTAINER Somebody <x@example.org>
SHELL ["/bin/bash", "-c"]
