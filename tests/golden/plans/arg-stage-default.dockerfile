ARG V=global
FROM alpine
ARG V=stage
RUN a
