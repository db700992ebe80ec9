ARG G=global
FROM base:1 AS one
ARG A=one
RUN echo "$G|$A"
FROM one
ARG G
RUN echo "$G|$A"
FROM base:1
COPY --from=1 /etc/group /g
RUN echo "$G|$A"
