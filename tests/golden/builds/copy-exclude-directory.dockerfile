#: file d/node_modules/a/b 644 a
#: file d/node_modules/c 644 a
#: file d/src/a 644 a
FROM scratch
COPY --exclude=node_modules d /x
