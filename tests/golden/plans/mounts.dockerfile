#arg BUILDKIT_CACHE_MOUNT_NS=mine
FROM alpine AS one
FROM alpine
WORKDIR /w
ARG ID=x
RUN --mount=type=cache,target=c --mount=type=cache,id=$ID,target=/d --mount=type=secret,id=s --mount=type=secret,target=/t/s --mount=type=secret,id=e,env=E --mount=type=ssh --mount=type=ssh,id=other --mount=from=one,source=/a,target=/b --mount=from=busybox,target=/bb,rw --mount=type=tmpfs,target=/t --mount=from=scratch,target=/s make
