ARG A=1 B=$A-2
FROM scratch
ARG B
ARG A=3
LABEL a=$A b=$B
