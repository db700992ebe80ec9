FROM scratch
COPY --from=scratch a /x
