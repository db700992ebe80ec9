FROM scratch AS Early
ENV OLD form
RNU true
FROM scratch AS Late
