FROM alpine
COPY --from=scratch / /x
