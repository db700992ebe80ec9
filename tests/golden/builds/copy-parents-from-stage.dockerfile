#: file a/b 644 b
FROM scratch AS one
COPY --chown=3:4 a/b /a/b
FROM scratch
COPY --parents --from=one /a/b /c/
