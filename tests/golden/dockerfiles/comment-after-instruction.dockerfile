FROM a
EXPOSE 80 # web
RUN a # b
LABEL a=b
#LABEL c=d
