#: file src/main.cpp 644 m
#: file Makefile 644 m
FROM scratch
COPY Makefiel /
