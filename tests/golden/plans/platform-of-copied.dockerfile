#platform linux/arm64
FROM --platform=$BUILDPLATFORM alpine AS build
COPY --from=tools /a /a
RUN --mount=from=tools,target=/m true

FROM --platform=linux/amd64 scratch
COPY --from=build /a /a
