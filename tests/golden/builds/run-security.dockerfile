FROM base:1
RUN --security=sandbox true
RUN --security=insecure true
