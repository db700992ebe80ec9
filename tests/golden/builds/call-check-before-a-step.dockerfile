#: call check
FROM scratch AS Early
ENV OLD form
copy --from=9 a /a
ENV LATER form
FROM scratch AS Late
