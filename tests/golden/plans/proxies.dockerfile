#arg HTTP_PROXY=http://p
#arg no_proxy=x
FROM alpine
RUN a
ARG no_proxy
RUN b
