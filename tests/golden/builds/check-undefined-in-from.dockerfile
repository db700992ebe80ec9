ARG VERSION=1
FROM ${BASE:-scratch}
FROM --platform=$TARGETPLATFROM scratch
