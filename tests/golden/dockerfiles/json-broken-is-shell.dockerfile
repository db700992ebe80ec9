FROM busybox
RUN ['echo', 'x']
RUN [ -f /x ] && echo y
RUN ["echo", "x"
CMD ["a",]
