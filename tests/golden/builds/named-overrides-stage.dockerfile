#: file docs/new 644 N
#: named made docs
FROM base:1 AS made
RUN exit 1
FROM scratch
COPY --from=made new /new
COPY --from=0 new /too
