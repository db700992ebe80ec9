#: dir x 700
#: file x/y/a 644 a
#: link x/l y/a
FROM scratch
COPY --parents x /p/
