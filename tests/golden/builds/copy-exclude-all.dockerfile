#: file d/a 644 a
FROM scratch
COPY --exclude=* d /x
