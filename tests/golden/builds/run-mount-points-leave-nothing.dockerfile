#: file a 644 hello
FROM base:1
RUN mkdir -p /run /opt/x && ln -s /run /var-run
RUN --mount=source=a,target=/var-run/deep/a --mount=type=cache,target=/opt/x/y/z cat /var-run/deep/a
