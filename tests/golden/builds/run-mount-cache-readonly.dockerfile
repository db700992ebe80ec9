FROM base:1
RUN --mount=type=cache,target=/c,ro touch /c/x 2>/dev/null || echo read-only
