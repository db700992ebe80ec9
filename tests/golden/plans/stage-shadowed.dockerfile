FROM alpine AS x
ENV A=1
FROM alpine AS x
ENV A=2
FROM x
RUN a
