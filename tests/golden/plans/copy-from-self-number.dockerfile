FROM alpine
FROM alpine
COPY --from=1 /a /a
