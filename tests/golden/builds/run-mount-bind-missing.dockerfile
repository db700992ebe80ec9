FROM base:1
RUN --mount=source=none,target=/x true
