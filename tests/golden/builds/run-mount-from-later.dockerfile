FROM base:1
RUN --mount=from=1,target=/x true
FROM base:1
#
