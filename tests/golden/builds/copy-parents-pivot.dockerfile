#: dir a 755
#: dir a/b 750
#: file a/b/c/d.txt 644 d
#: file a/b/e.txt 644 e
FROM scratch
COPY --parents a/b/./c/d.txt /one/
COPY --parents a/./b/*.txt /two/
