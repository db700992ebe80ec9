#arg G=given
FROM alpine
ENV V=env G=env LANG=en
ARG V=arg
ARG G
ARG LANG
RUN a $V
LABEL v=$V g=$G l=$LANG
ENV V=again
RUN b
