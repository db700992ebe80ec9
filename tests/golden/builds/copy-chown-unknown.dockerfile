#: file a 644 a
#: file etc/passwd 644 root:x:0:0::/:\n
FROM scratch
COPY etc /etc
COPY --chown=nobody a /a
COPY --chown=0:nogroup a /b
COPY --chown=12:nogroup a /c
COPY --link --chown=nobody a /d
