#: secret token hunter2
FROM base:1
RUN --mount=type=secret,id=token cat /run/secrets/token | wc -c && stat -c "%a %u:%g" /run/secrets/token
RUN --mount=type=secret,id=token,target=/t,mode=0440,uid=1000,gid=1001 stat -c "%a %u:%g" /t
RUN --mount=type=secret,id=token,env=TOKEN test "$TOKEN" = hunter2 && ! test -e /run/secrets/token
RUN --mount=type=secret,target=/etc/token test -s /etc/token && ls /run/secrets 2>&1 || true
