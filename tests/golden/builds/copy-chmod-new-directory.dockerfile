#: file d/a 640 a
#: dir d 700
FROM scratch
COPY d /plain/
COPY d /named
COPY --chmod=go= d /slash/
COPY --chmod=700 d /number/
