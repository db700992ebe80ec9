FROM base:1
ARG V
ARG W=w
RUN echo "${V-unset} $W"
