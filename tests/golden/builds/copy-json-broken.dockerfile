#: file a 644 a
FROM scratch
COPY ["a" /b
