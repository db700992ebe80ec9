FROM busybox AS a
FROM busybox
COPY a b c /dst/
COPY --from=a --chown=1000:1000 --chmod=755 /x /y
ADD --chown=www x.tar.gz /srv
COPY --from=0 /x .
