#: file x/a.txt 644 a
FROM scratch
COPY --parents x/*.md /p/
