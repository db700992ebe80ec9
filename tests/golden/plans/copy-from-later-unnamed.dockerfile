#target mp
FROM alpine AS x
FROM alpine
COPY --from=mp /a /a
FROM alpine AS mp
COPY --from=1 /a /a
