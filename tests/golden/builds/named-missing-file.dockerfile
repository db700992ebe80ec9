#: file docs/abcd 644 A
#: named docs docs
FROM scratch
COPY --from=docs abce /
