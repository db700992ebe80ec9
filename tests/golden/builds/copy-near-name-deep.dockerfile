#: file src/main.cpp 644 m
FROM scratch
COPY src/main.cp /
