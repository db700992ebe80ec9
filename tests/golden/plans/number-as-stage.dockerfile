FROM alpine AS a
FROM alpine
COPY --from=0 /x /x
RUN --mount=from=a,target=/m true
