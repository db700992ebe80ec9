FROM alpine AS missings
FROM alpine
COPY --from=missing /x /x
