#: file a 600 a
FROM scratch
COPY --chmod=u+q a /a
