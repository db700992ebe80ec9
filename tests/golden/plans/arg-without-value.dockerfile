#arg V
FROM alpine
ARG V=default
RUN a
