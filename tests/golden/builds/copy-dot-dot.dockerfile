#: file a 644 a
FROM scratch
COPY ../../a /x/../y/./z
COPY ./ /w
