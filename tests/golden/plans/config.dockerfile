FROM alpine
MAINTAINER Some One
LABEL a=1 "b c"="d e"
STOPSIGNAL SIGRTMIN+3
HEALTHCHECK --interval=90s --retries=3 CMD test -f /x
ONBUILD RUN later
USER nobody
