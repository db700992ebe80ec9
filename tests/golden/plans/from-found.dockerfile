#arg V=1
ARG V
from found:$V as a
FROM a
FROM alpine
COPY --from=a / /
