#arg V=arg
FROM alpine
ARG V
ENV V=env W=$V
RUN a $V
ENV X=$V
