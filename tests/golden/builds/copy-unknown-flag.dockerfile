FROM scratch
COPY --chowm=1 a /a
