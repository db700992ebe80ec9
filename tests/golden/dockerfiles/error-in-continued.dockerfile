FROM a
COPY --nope=1 \
  a \
  b
RUN c
