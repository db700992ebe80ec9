FROM base:1
ENV V=env W=env
ARG V=arg
ARG W
RUN echo $V $W
ENV V=later
RUN echo $V
LABEL v=$V
