FROM base:1
RUN --mount=target=/x,sharing=locked true
