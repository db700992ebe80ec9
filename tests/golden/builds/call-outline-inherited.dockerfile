#: call outline
#: arg GIVEN=given
ARG GLOBAL=global
FROM scratch AS base
ARG V=abc
ARG W=1
FROM base
ARG V
ARG W=2
ARG GLOBAL
ARG GIVEN
