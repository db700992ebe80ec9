FROM --platform=$TARGETPLATFORM scratch AS one
FROM --platform=linux/amd64 scratch AS two
FROM --platform=linux/amd64 scratch AS for-amd64
FROM --platform=$BUILDPLATFORM scratch
COPY --from=one / /
LABEL a=b
