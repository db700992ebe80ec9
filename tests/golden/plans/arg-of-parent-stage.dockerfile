FROM alpine AS one
ARG A=1
ENV E=1
FROM one
RUN a $A $E
ARG A
RUN b
