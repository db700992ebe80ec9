FROM a
COPY --chown=1 --chmod=755 <<E file /d/
x
E
