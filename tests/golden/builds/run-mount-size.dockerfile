FROM base:1
RUN --mount=type=tmpfs,target=/t,size=big true
