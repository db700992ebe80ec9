FROM alpine AS one
COPY --from=two /a /a
FROM alpine AS two
RUN --mount=from=one,target=/one true
FROM scratch
COPY a /
