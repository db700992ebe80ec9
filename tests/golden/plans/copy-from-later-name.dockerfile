FROM alpine AS x
COPY --from=MP /a /a

FROM alpine AS mp
RUN true

FROM x
