FROM a
ADD ["a", "b c", "/d/"]
COPY ["a", "b c", "/d/"]
VOLUME ["/a b", "/c"]
SHELL ["/bin/x", "-c"]
ENTRYPOINT ["e"]
HEALTHCHECK CMD ["h", "i"]
