#: file a 644 hello
FROM base:1
RUN --mount=source=a,target=/etc/a.conf cat /etc/a.conf
