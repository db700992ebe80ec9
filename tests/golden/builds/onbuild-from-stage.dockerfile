#: file a 644 a
FROM scratch AS parent
ONBUILD COPY --from=maker /a /made
FROM scratch AS maker
COPY a /a
FROM parent
LABEL a=b
