FROM base:1
RUN --mount=type=cache,target=/t,size=1m true
