#: call check
FROM scratch AS Upper
USER $NO
WORKDIR $NONE
COPY a $NEITHER
maintainer x
EXPOSE $NO
