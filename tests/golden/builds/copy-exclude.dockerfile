#: file d/a.c 644 a
#: file d/a.o 644 o
#: file d/sub/b.o 644 o
#: file d/sub/b.c 644 b
FROM scratch
COPY --exclude=*.o --exclude=sub/*.o d /x
