#: file a 644 a
#: file b 644 b
#: dir base/t 700
#: file base/t/x 600 x
FROM scratch
COPY base /
COPY --link a /t/a
COPY --link --chmod=600 --chown=1:2 b /n/b
COPY --link b /t/
