FROM alpine AS x
RUN --mount=type=bind,from=mp,dst=/m true
FROM alpine AS mp
FROM x
