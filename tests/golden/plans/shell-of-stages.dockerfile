FROM alpine AS one
SHELL ["/bin/ash", "-ec"]
RUN a
FROM one
RUN b
CMD c
FROM alpine
COPY --from=1 / /
RUN d
