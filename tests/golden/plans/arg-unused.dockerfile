#arg V=1
#arg http_proxy=http://p:1
#arg W=2
FROM alpine
ARG W
RUN a
