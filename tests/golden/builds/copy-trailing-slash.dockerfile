#: file d/a 644 a
#: file f 644 f
FROM scratch
COPY d/ /1
COPY f /2/
COPY f /3
COPY d /4/
COPY d/. /5/.
