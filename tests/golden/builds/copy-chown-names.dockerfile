#: file a 644 a
#: file etc/passwd 644 root:x:0:0::/:\napp:x:1000:1001::/:\n
#: file etc/group 644 extra:x:2000:\n
FROM scratch
COPY etc /etc
COPY --chown=app a /1
COPY --chown=app:extra a /2
COPY --chown=app:5 a /3
COPY --chown=6:extra a /4
