#: call targets
FROM scratch AS one
FROM scratch
