FROM a
RUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/b true
