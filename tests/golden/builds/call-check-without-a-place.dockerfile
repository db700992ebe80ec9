#: call check
#: target nothing
FROM scratch AS Early
ENV OLD form
