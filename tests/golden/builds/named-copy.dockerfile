#: file docs/a 644 A
#: file docs/b.log 644 B
#: file docs/.dockerignore 644 *.log
#: file a 600 main
#: named other docs
FROM scratch
COPY --from=other . /o/
COPY a /m
