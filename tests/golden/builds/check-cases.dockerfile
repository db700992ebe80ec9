FROM scratch AS One
COPY . /
Label a=b
FROM scratch as two
env a=b
COPY --from=one / /
