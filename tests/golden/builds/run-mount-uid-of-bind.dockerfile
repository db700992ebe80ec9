FROM base:1
RUN --mount=target=/x,uid=1 true
