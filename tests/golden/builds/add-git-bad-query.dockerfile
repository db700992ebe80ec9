FROM scratch
ADD https://example.com/a.git?colour=red /a
