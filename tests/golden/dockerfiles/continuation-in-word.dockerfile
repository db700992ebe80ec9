FROM a
RUN ec\
ho a
ENV A=one\
two
