#: file a 600 a
#: file d/b 755 b
FROM scratch
COPY --chmod=640 a /q/r/a
COPY --chmod=4755 d /d
