#context only::arm64 alpine:arm
#context only alpine:all
#platform linux/arm64
FROM only
FROM --platform=amd64 only AS other
FROM scratch
COPY --from=0 / /
COPY --from=other / /
COPY --from=only / /
