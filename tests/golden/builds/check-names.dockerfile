FROM scratch AS context
FROM scratch AS one
FROM scratch AS one
LABEL a=b
