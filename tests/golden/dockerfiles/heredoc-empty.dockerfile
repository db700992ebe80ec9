FROM a
COPY <<E /f
E
