#target middle
FROM missing AS unused
RUN a
FROM alpine AS first
RUN b
FROM first AS middle
RUN c
FROM missing
RUN d
