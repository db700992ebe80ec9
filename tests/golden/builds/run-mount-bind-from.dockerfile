FROM base:1 AS one
RUN mkdir /out && echo made > /out/f && chown 1000:1001 /out/f
FROM base:1
RUN --mount=from=one,source=/out,target=/in stat -c "%n %u:%g" /in/f
RUN --mount=from=one,target=/all cat /all/out/f
RUN --mount=type=bind,from=one,source=/out/f,target=/in/f,rw echo more >> /in/f && cat /in/f
RUN --mount=from=base:1,source=/etc,target=/theirs head -n 1 /theirs/passwd
