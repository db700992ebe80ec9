#: file a 644 hello
FROM base:1
WORKDIR /w
RUN --mount=source=a,target=sub/a cat /w/sub/a
RUN --mount=source=.. ls
