FROM a
RUN a \
# gone \
  b
