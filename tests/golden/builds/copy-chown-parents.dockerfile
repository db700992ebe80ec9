#: file a 644 a
FROM scratch
COPY --chown=7 --chmod=700 a /q/r/a
COPY --chown=8:9 a /q/s/
