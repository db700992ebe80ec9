FROM a
EXPOSE ["80"]
USER ["a"]
WORKDIR ["/a"]
