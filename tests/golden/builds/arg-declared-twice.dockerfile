FROM base:1
ARG V=1
ARG V
RUN echo $V
ARG V=2
RUN echo $V
