#: file a,b 644 comma
FROM base:1
RUN --mount='type=bind,"source=a,b",target=/x' cat /x
