#context files
#context docker.io/library/debian:latest alpine:3
#context old
#context only::linux/arm64 alpine:arm
#context tools busybox:1
FROM alpine AS old
RUN never
FROM debian AS second
COPY --from=files a /a
COPY --from=old b /b
COPY --from=tools c /c
RUN --mount=from=files,target=/f --mount=from=tools,target=/t --mount=from=old,target=/o x
FROM only
FROM files
COPY --from=second d /
