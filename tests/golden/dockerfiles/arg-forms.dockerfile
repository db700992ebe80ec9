ARG A
ARG B=c D="e f" G
FROM a
ARG H='i j' K=
