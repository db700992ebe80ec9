FROM a
RUN a \
# gone
  # gone too
  b # stays
