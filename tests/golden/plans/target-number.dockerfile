#target 0
FROM alpine
RUN a
FROM alpine
RUN b
