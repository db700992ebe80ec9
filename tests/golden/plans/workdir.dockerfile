FROM alpine
ENV D=deep
WORKDIR /a
WORKDIR $D/../b
USER app
WORKDIR c/
WORKDIR /a/../b/./c/
COPY x y
RUN pwd
WORKDIR ../d/.
WORKDIR ""
