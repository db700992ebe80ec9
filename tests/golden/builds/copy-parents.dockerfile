#: file x/a.txt 644 a
#: file y/a.txt 600 b
#: file y/b.txt 644 c
FROM scratch
COPY --parents ./x/a.txt ./y/a.txt /p/
