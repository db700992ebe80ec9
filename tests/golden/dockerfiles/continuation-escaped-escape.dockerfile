FROM a
RUN a \\
RUN b \\\
RUN c
