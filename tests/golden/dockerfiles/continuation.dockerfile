FROM busybox
RUN echo a\
b \   
 c
RUN echo escaped \\
RUN echo end \
