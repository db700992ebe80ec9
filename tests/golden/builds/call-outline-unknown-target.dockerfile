#: call outline
#: target biuld
FROM scratch AS build
