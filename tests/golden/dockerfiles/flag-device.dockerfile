FROM a
RUN --device=vendor.com/x=all true
