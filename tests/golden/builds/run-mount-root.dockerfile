FROM base:1
RUN --mount=target=/ true
