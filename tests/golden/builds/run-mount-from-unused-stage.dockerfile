FROM base:1 AS unused
RUN exit 1
FROM base:1 AS used
RUN echo used > /f
FROM base:1
RUN --mount=from=used,source=/f,target=/f cat /f
