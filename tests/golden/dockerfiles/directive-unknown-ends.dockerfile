# colour=red
# escape=`
FROM a
RUN a \
 b
