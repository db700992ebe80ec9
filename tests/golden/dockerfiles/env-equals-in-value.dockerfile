FROM a
ENV A=b=c D==e
ENV F g=h
