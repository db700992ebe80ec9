FROM base:1
RUN --mount=type=cache,target=/c,id=run-mount-cache echo one >> /c/f; stat -c "%a %u:%g" /c
RUN --mount=type=cache,target=/other,id=run-mount-cache,sharing=locked cat /other/f
RUN --mount=type=cache,target=/c,id=run-mount-cache-2,uid=7,gid=8,mode=0700 stat -c "%a %u:%g" /c
RUN ls -d /c 2>&1 || true
