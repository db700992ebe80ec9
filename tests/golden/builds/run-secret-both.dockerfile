FROM base:1
RUN --mount=type=secret,id=a,source=b true
