FROM alpine AS one
COPY --from=9 /a /a
FROM scratch
COPY a /
