#: file docs/abcd 644 A
#: named Docs docs
FROM scratch
COPY --from=docs abcd /
