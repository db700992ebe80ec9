#target x
FROM alpine AS x
COPY --from=mp /a /a
FROM alpine AS mp
