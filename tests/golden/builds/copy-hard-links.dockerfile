#: file d/a 644 same
#: hard d/b d/a
#: hard d/s d/a
#: file other 644 same
FROM scratch
COPY d /d
COPY d/a d/b other /e/
