#arg A=7
FROM alpine AS s
ARG A=1
ENV A=2
ARG A=3
ENV B=$A
FROM s
ENV C=$A
RUN true
