#: named docker.io/library/never:latest docker-image://base:1
FROM never
RUN echo here
