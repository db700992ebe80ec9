#: file main.cpp 644 m
#: file .dockerignore 644 main.cpp
FROM scratch
COPY main.cp /
