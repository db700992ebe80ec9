FROM a
RUN --network=nome true
