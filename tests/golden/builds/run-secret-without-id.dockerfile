FROM base:1
RUN --mount=type=secret true
