#target 1
FROM alpine AS x
FROM alpine
COPY --from=mp /a /a
FROM alpine AS mp
