#: call outline
#: target build
# VERSION of the base
ARG VERSION=1
# build makes the program
FROM unknown-base:$VERSION AS build
# DEBUG adds symbols
ARG DEBUG
ARG VERSION
RUN --mount=type=secret,id=token,required --mount=type=ssh --mount=type=cache,target=/root/.cache make
FROM scratch AS last
ARG UNUSED=1
