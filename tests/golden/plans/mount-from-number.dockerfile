FROM alpine AS one
FROM alpine
RUN --mount=from=0,target=/one true
