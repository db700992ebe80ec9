#platform linux/arm/v7
FROM --platform=$BUILDPLATFORM alpine AS tool
RUN before
ARG TARGETARCH
RUN for arm
ARG TARGETVARIANT
RUN for v7
FROM alpine
ARG TARGETPLATFORM
RUN as it is
COPY --from=tool a b
