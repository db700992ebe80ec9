#: file a 644 hello
FROM base:1 AS parent
ONBUILD RUN --mount=source=a,target=/a cat /a
FROM parent
