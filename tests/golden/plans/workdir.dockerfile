FROM alpine
ENV D=deep
WORKDIR /a
WORKDIR $D/../b
USER app
WORKDIR c/
