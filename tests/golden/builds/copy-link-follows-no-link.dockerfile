#: file a 644 a
#: dir base/real 755
#: link base/link /real
FROM scratch
COPY base /
COPY --link a /link/a
