FROM base:1
RUN --mount=type=cach,target=/x true
