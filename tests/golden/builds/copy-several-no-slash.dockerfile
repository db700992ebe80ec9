# syntax=docker/dockerfile:1
#: file a 644 a
#: file b 644 b
#: file c 644 c
#: file d/e 644 e
#: show last
FROM scratch
WORKDIR /app
COPY a b /app
ADD ["c", "d/e", "/app"]
COPY d a /x
COPY <<one <<two /app
1
one
2
two
COPY a b /last
