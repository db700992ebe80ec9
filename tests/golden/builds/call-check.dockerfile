#: call check
FROM scratch AS Build
CMD run it
FROM missing-image AS last
ENV A=$B
LABEL a b
