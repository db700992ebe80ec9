#: file docs/d/a 640 A
#: dir docs/e 700
#: file docs/.dockerignore 644 .dockerignore
#: named base docs
FROM base
ENV A=1
COPY docs/d/a /copied
