#: call check
FROM scratch AS Early
MAINTAINER somebody
ENV OLD form

COPY a \

 /a
RNU true
FROM scratch AS Late
