FROM a
HEALTHCHECK --intervall=1s CMD a
