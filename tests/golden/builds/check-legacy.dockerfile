FROM scratch
ENV NAME the value
LABEL other the value
ENV A=1
