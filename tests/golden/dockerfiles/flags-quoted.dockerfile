FROM a
COPY --chown="a b":c x y
COPY "--chown=d" x y
COPY --chown=e\ f x y
