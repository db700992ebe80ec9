FROM a
RUN --security=sandbx true
