# check=experimental=all
# BASE the base
ARG BASE=scratch
# what is this
ARG OTHER=1

# built things
FROM $BASE AS build
# last the last one
FROM build AS last
# check=skip=StageNameCasing
ARG V

# a comment apart

ARG W
