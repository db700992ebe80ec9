#: file a 644 a
FROM scratch
COPY *.none a /x/
COPY none* /y/
