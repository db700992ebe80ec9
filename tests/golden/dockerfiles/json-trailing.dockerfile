FROM a
CMD ["a"] b
RUN [ -f /x ] && y
