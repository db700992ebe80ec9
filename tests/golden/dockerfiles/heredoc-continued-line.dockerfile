FROM a
RUN cat <<E \
  && true
x
E
