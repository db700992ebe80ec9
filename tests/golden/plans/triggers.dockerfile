FROM triggers
RUN after
