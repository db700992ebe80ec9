#: file n/x/z.txt 644 z
#: file n/x/!.txt 644 b
#: file n/x/a.txt 644 a
FROM scratch
COPY n/x/[!z].txt /bang/
COPY n/x/[^z!].txt /caret/
