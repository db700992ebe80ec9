#target nothing
FROM alpine
