FROM a
RUN <<E
# stays
a \
b

E
