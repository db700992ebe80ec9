#: file d/a.log 644 a
#: file d/keep.log 644 k
#: file d/s/t/b.log 644 b
#: file d/s/t/c 644 c
FROM scratch
COPY --exclude=**/*.log --exclude=!keep.log d /x
