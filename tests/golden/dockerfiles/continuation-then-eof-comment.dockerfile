FROM a
RUN a \
# the end
