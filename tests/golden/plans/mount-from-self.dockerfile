FROM alpine AS x
RUN --mount=from=x,target=/m true
