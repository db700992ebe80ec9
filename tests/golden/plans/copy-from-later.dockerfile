#target 0
FROM alpine
COPY --from=1 /x /x
FROM alpine
