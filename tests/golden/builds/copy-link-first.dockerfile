#: file a 644 a
FROM scratch
COPY --link a /a
WORKDIR /w
COPY --link=false a b
