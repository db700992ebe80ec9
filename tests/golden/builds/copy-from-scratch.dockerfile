FROM scratch
COPY --from=scratch / /x
