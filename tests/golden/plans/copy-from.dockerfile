FROM alpine AS a
FROM alpine AS b
FROM scratch
COPY --from=0 /x /x
COPY --from=B /y /y
COPY --from=busybox /z /z/
