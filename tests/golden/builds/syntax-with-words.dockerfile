# syntax=docker/dockerfile:1.26 more words
FROM scratch
ENV A=1
