#: file a 644 hello
FROM base:1
RUN --mount=type=bind,source=a,target=/m/sub/a --mount=type=tmpfs,target=/m find /m -type f
