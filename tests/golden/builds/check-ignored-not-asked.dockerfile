#: file .dockerignore 644 secret*\n
#: file secret.txt 644 s
FROM scratch
COPY secret.txt /y
