#: file src/a 644 hello
#: file src/deep/b 600 there
#: file .dockerignore 644 hidden
#: file hidden 644 x
FROM base:1
RUN --mount=type=bind,source=src,target=/in cat /in/a /in/deep/b && ! touch /in/new 2>/dev/null
RUN --mount=target=/all ls /all
