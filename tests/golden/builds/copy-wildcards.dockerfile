#: file a.txt 644 1
#: file b.txt 644 2
#: file ab.md 644 3
#: file sub/c.txt 644 4
#: file [x] 644 5
FROM scratch
COPY ?.txt /1/
COPY [a-b]*.* /2/
COPY */*.txt /3/
COPY \[x] /4/
COPY [^a].txt /5/
