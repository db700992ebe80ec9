FROM a
RUN echo "<<E" && echo '<<F'
