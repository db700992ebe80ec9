# check=experimental=CopyIgnoredFile
#: file .dockerignore 644 secret*\n
#: file secret.txt 644 s
#: file open 644 o
FROM scratch
COPY secre[t].txt open /x/
COPY secret.txt /y
