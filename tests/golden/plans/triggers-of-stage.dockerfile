#target b
FROM alpine AS a
ONBUILD RUN x
FROM a AS b
RUN y
