# comment
FROM busybox
   # indented comment
RUN echo one && \
# comment within
    # indented comment within
    echo "# not a comment" # neither is this
