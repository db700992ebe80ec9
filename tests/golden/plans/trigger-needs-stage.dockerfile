FROM alpine AS deeper
RUN d
FROM deeper AS built
RUN b
FROM alpine AS unused
RUN u
FROM takes-from-built
RUN last
