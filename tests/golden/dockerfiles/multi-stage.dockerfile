# syntax = docker/dockerfile:1.7
ARG VERSION=1
FROM --platform=$BUILDPLATFORM golang:${VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -o /out/app ./cmd/app

FROM scratch
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
