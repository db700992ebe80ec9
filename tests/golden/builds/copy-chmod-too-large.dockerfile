#: file a 600 a
FROM scratch
COPY --chmod=17777 a /a
