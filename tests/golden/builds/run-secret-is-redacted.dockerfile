#: secret token hunter2
FROM base:1
RUN --mount=type=secret,id=token cat /run/secrets/token; echo; echo "token is $(cat /run/secrets/token)"
