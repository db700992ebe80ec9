FROM a
onbuild run a
ONBUILD   COPY   a   b
ONBUILD RUN a \
  b
