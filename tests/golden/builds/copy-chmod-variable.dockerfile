#: file a 600 a
FROM scratch
ARG MODE=u=rw,go=r
COPY --chmod=$MODE a /a
