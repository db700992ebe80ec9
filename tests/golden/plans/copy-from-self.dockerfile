FROM alpine AS x
COPY --from=x /a /a
