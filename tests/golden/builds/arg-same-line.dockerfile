#: arg B=given
FROM scratch
ARG A=1 B=${nonsense C=$A-$B
LABEL c=$C
