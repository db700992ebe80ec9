#: file a 644 a
FROM scratch AS one
COPY a /a
FROM scratch
COPY --link --from=one /a /b
