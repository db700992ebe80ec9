#: named docs nosuch
#: file a 644 A
FROM scratch
COPY a /
